//! Random numbers: a seed and a size give the same numbers in every layout.

use flambeau_tensor::{DType, Tensor};

#[test]
fn random() {
    use flambeau_tensor::random::{Generator, tensor as r};
    for seed in 0..20 {
        let draw = |layout: fn(&Tensor) -> Tensor| {
            let t = layout(&Tensor::zeros(&[4, 6], DType::Double).unwrap());
            r::uniform_(&t, -1.0, 3.0, &mut Generator::new(seed)).unwrap();
            t.to_vec::<f64>().unwrap()
        };
        let plain = draw(|t| t.clone());
        assert!(plain.iter().all(|x| (-1.0..3.0).contains(x)));
        assert_eq!(plain, draw(|t| t.clone()), "the same seed gives the same numbers");
        assert_eq!(plain.len(), draw(|t| t.transpose(0, 1).unwrap()).len());
        let mut order = r::randperm(50, DType::Long, &mut Generator::new(seed))
            .unwrap()
            .to_vec::<i64>()
            .unwrap();
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
        let weights = Tensor::from_slice(&[0.0, 1.0, 0.0, 2.0], &[4]).unwrap();
        let drawn = r::multinomial(&weights, 30, true, &mut Generator::new(seed)).unwrap();
        assert!(drawn.to_vec::<i64>().unwrap().iter().all(|i| [1, 3].contains(i)));
        let coins = Tensor::zeros(&[4000], DType::Float).unwrap();
        r::bernoulli_(&coins, 0.25, &mut Generator::new(seed)).unwrap();
        let heads = coins.to_vec::<f32>().unwrap().iter().sum::<f32>();
        assert!((850.0..1150.0).contains(&heads), "{heads}");
    }
}
