//! Literals recorded from PyTorch 2.15 after `manual_seed(42)`.

use super::distributions as d;
use super::fill::{self, RandomFloat};
use super::{Generator, STATE_BYTES};
use half::{bf16, f16};

const SEED: u64 = 42;

fn seeded() -> Generator {
    Generator::new(SEED)
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= 2e-6 * e.abs().max(1e-3), "at {i}: {f}, not {e}");
    }
}

fn normals<T: RandomFloat>(zero: T, n: usize, contiguous: bool) -> Vec<f64> {
    let mut out = vec![zero; n];
    fill::normal(&mut out, 0.0, 1.0, contiguous, &mut seeded()).unwrap();
    out.into_iter().map(T::to_f64).collect()
}

#[test]
fn uniform_bits() {
    let mut out = [0f32; 6];
    fill::uniform(&mut out, 0.0, 1.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            0.8822692632675171,
            0.9150039553642273,
            0.38286375999450684,
            0.9593056440353394,
            0.3904482126235962,
            0.600895345211029
        ]
    );
    let mut out = [0f32; 6];
    fill::uniform(&mut out, -2.5, 3.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            2.352480888366699,
            2.5325217247009277,
            -0.3942493200302124,
            2.7761809825897217,
            -0.35253483057022095,
            0.8049243688583374
        ]
    );
    let mut out = [0f64; 6];
    fill::uniform(&mut out, 0.0, 1.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            0.05815448596142969,
            0.06291016742457756,
            0.12358607277440903,
            0.05258016436107704,
            0.5261718968547618,
            0.47678475378747964
        ]
    );
    let mut out = [0f64; 6];
    fill::uniform(&mut out, -2.5, 3.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            -2.1801503272121368,
            -2.1539940791648235,
            -1.8202765997407504,
            -2.210809096014076,
            0.39394543270119015,
            0.12231614583113803
        ]
    );
    let mut out = [f16::ZERO; 6];
    fill::uniform(&mut out, 0.0, 1.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            0.88232421875,
            0.9150390625,
            0.3828125,
            0.95947265625,
            0.390380859375,
            0.60107421875
        ]
    );
    let mut out = [f16::ZERO; 6];
    fill::uniform(&mut out, -2.5, 3.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [
            2.3515625,
            2.533203125,
            -0.394287109375,
            2.775390625,
            -0.3525390625,
            0.8046875
        ]
    );
    let mut out = [bf16::ZERO; 6];
    fill::uniform(&mut out, 0.0, 1.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [0.8828125, 0.9140625, 0.3828125, 0.9609375, 0.390625, 0.6015625]
    );
    let mut out = [bf16::ZERO; 6];
    fill::uniform(&mut out, -2.5, 3.0, &mut seeded()).unwrap();
    assert_eq!(
        out.map(RandomFloat::to_f64),
        [2.359375, 2.53125, -0.39453125, 2.78125, -0.3515625, 0.8046875]
    );
    assert!(fill::uniform(&mut [0f32], 2.0, 1.0, &mut seeded()).is_err());
}

#[test]
fn integers() {
    let mut out = [0i64; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(
        out,
        [
            6909045637428952499,
            8314211556539077902,
            4279532810384561223,
            1819927849474927636
        ]
    );
    let mut out = [0i32; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [1608637542, 1273642419, 1935803228, 787846414]);
    let mut out = [0i16; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [23654, 15795, 860, 5390]);
    let mut out = [0i8; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [102, 51, 92, 14]);
    let mut out = [0u8; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [102, 179, 92, 14]);
    let mut out = [false; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [false, true, false, false]);
    let mut out = [0f32; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(out, [14801927.0, 15351016.0, 6423145.0, 16094432.0]);
    let mut out = [0f64; 4];
    fill::random(&mut out, &mut seeded());
    assert_eq!(
        out,
        [
            523809042610868.0,
            566644413140339.0,
            1113164382588524.0,
            473600017246026.0
        ]
    );
    let mut out = [0i64; 4];
    fill::random_from_to(&mut out, 0, Some(10), &mut seeded()).unwrap();
    assert_eq!(out, [2, 7, 6, 4]);
    fill::random_from_to(&mut out, -5, Some(268435450), &mut seeded()).unwrap();
    assert_eq!(out, [266460262, 199900602, 56755046, 250975499]);
    fill::random_from_to(&mut out, -5, Some(268435451), &mut seeded()).unwrap();
    assert_eq!(out, [199900590, 250975497, 127521858, 147532815]);
    fill::random_from_to(&mut out, 0, Some(2147483648), &mut seeded()).unwrap();
    assert_eq!(out, [1273642419, 787846414, 1201263687, 415968276]);
    fill::random_from_to(
        &mut out,
        -4611686018427387904,
        Some(4611686018427387904),
        &mut seeded(),
    )
    .unwrap();
    assert_eq!(
        out,
        [
            2297359619001564595,
            3702525538111689998,
            -332153208042826681,
            -2791758168952460268
        ]
    );
    fill::random_from_to(&mut out, 0, Some(9223372036854775807), &mut seeded()).unwrap();
    assert_eq!(
        out,
        [
            6909045637428952499,
            8314211556539077903,
            4279532810384561224,
            1819927849474927637
        ]
    );
    fill::random_from_to(&mut out, i64::MIN, None, &mut seeded()).unwrap();
    assert_eq!(
        out,
        [
            6909045637428952499,
            -909160480315697906,
            -4943839226470214585,
            -7403444187379848172
        ]
    );
    assert!(fill::random_from_to(&mut out, 3, Some(3), &mut seeded()).is_err());
    assert_eq!(
        fill::randperm(12, &mut seeded()),
        [6, 8, 1, 7, 0, 2, 10, 11, 4, 3, 5, 9]
    );
    assert!(fill::randperm(0, &mut seeded()).is_empty());
}

#[test]
fn normal_paths() {
    close(
        &normals(0f32, 3, true),
        &[0.33669036626815796, 0.12880940735340118, 0.23446236550807953],
    );
    close(
        &normals(0f32, 16, true),
        &[
            1.9269152879714966,
            1.4872840642929077,
            0.9007171988487244,
            -2.1055209636688232,
            0.6784184575080872,
            -1.2345448732376099,
            -0.04306747764348984,
            -1.6046669483184814,
            -0.7521352767944336,
            1.6487230062484741,
            -0.3924786448478699,
            -1.4036071300506592,
            -0.7278813123703003,
            -0.5594301819801331,
            -0.7688388824462891,
            0.7624453902244568,
        ],
    );
    close(
        &normals(0f32, 19, true),
        &[
            1.9269152879714966,
            1.4872840642929077,
            0.9007171988487244,
            0.439589262008667,
            -0.7581311464309692,
            1.078317642211914,
            0.8008005619049072,
            1.680620551109314,
            0.3558599054813385,
            -0.6866229772567749,
            -0.4933563470840454,
            1.334737777709961,
            -0.2316243201494217,
            0.041759490966796875,
            -0.2515752911567688,
            0.859858512878418,
            -0.3097267746925354,
            -0.3957104980945587,
            0.8034093379974365,
        ],
    );
    close(
        &normals(0f64, 3, true),
        &[0.33669035438385886, 0.1288094051365897, 0.23446236336153173],
    );
    close(
        &normals(0f64, 16, true),
        &[
            0.2995562877502637,
            0.24237779080894106,
            0.28320739441795323,
            -0.23294220898382634,
            0.6711532211923003,
            0.7817673742546976,
            -1.7903080050220619,
            -1.748402801489203,
            0.17347640142361004,
            0.26684314514213736,
            0.4285173645433462,
            0.2318702888580676,
            -1.0214571469180447,
            -0.8272632292381021,
            1.7342104609172728,
            -1.4920727283504345,
        ],
    );
    close(
        &normals(0f64, 19, true),
        &[
            0.2995562877502637,
            0.24237779080894106,
            0.28320739441795323,
            0.618669993885617,
            -0.03720300727052493,
            1.0352472972512925,
            -0.010085521702337353,
            0.08948016046560357,
            0.038435238263354446,
            -0.11824373914203358,
            -1.744556661084211,
            0.875893884648022,
            0.39238484373268534,
            1.108461181451433,
            0.8651734647119074,
            0.855215961472287,
            0.2494118796915765,
            0.2615836907112959,
            -1.526543923410825,
        ],
    );
    close(
        &normals(f16::ZERO, 3, true),
        &[0.336669921875, 0.1287841796875, 0.2344970703125],
    );
    close(
        &normals(f16::ZERO, 16, true),
        &[
            1.9267578125,
            1.4873046875,
            0.90087890625,
            -2.10546875,
            0.67822265625,
            -1.234375,
            -0.043060302734375,
            -1.6044921875,
            -0.751953125,
            1.6484375,
            -0.392578125,
            -1.4033203125,
            -0.72802734375,
            -0.5595703125,
            -0.76904296875,
            0.76220703125,
        ],
    );
    close(
        &normals(f16::ZERO, 19, true),
        &[
            1.9267578125,
            1.4873046875,
            0.90087890625,
            1.642578125,
            -0.1595458984375,
            -0.497314453125,
            0.439697265625,
            -0.75830078125,
            1.078125,
            0.80078125,
            1.6806640625,
            1.279296875,
            1.296875,
            0.6103515625,
            1.3349609375,
            -0.2315673828125,
            0.041748046875,
            -0.25146484375,
            0.85986328125,
        ],
    );
    close(&normals(bf16::ZERO, 3, true), &[0.3359375, 0.12890625, 0.234375]);
    close(
        &normals(bf16::ZERO, 16, true),
        &[
            1.9296875,
            1.484375,
            0.90234375,
            -2.109375,
            0.6796875,
            -1.234375,
            -0.04296875,
            -1.6015625,
            -0.75390625,
            1.6484375,
            -0.392578125,
            -1.40625,
            -0.7265625,
            -0.55859375,
            -0.76953125,
            0.76171875,
        ],
    );
    close(
        &normals(bf16::ZERO, 19, true),
        &[
            1.9296875,
            1.484375,
            0.90234375,
            1.640625,
            -0.1591796875,
            -0.498046875,
            0.439453125,
            -0.7578125,
            1.078125,
            0.80078125,
            1.6796875,
            1.28125,
            1.296875,
            0.609375,
            1.3359375,
            -0.2314453125,
            0.041748046875,
            -0.251953125,
            0.859375,
        ],
    );
    close(
        &normals(0f32, 20, false),
        &[
            0.33669036626815796,
            0.12880940735340118,
            0.23446236550807953,
            0.23033303022384644,
            -1.1228563785552979,
            -0.18632829189300537,
            2.2082014083862305,
            -0.637997031211853,
            0.46165722608566284,
            0.2673508822917938,
            0.5349046587944031,
            0.809357225894928,
            1.110290288925171,
            -1.6897989511489868,
            -0.9889599084854126,
            0.9579718112945557,
            1.322135090827942,
            0.8171897530555725,
            -0.765838623046875,
            -0.7506223320960999,
        ],
    );
    assert!(fill::normal(&mut [0f32], 0.0, -1.0, true, &mut seeded()).is_err());
}

#[test]
fn samples() {
    let mut g = seeded();
    let mut take = |n: usize, f: &mut dyn FnMut(&mut Generator) -> f64| -> Vec<f64> {
        g = seeded();
        (0..n).map(|_| f(&mut g)).collect()
    };
    close(
        &take(5, &mut |g| d::exponential(1.7, g)),
        &[
            0.03524353864164832,
            0.038221252231403116,
            0.07759810587299446,
            0.031772324582761274,
            0.43935922038433906,
        ],
    );
    close(
        &take(5, &mut |g| d::cauchy(0.5, 2.0, g)),
        &[
            -10.324974593994627,
            -9.487402160112728,
            -4.3897486534543475,
            -11.497278831183117,
            0.664814447215082,
        ],
    );
    close(
        &take(5, &mut |g| d::geometric(0.3, g)),
        &[8.0, 8.0, 6.0, 9.0, 2.0],
    );
    close(
        &take(5, &mut |g| d::log_normal(0.5, 0.25, g)),
        &[
            1.7935064038928716,
            1.7026780776056611,
            1.7482505301368645,
            1.746446683162172,
            1.2451872320712318,
        ],
    );
    close(
        &take(8, &mut |g| d::bernoulli(0.7, g).unwrap().into()),
        &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
    );
    close(
        &take(8, &mut |g| d::bernoulli_single(0.7, g).unwrap().into()),
        &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0],
    );
    let mut inputs = [0.5, 3.0, 12.0, 40.0, 0.0, 100.0, 1000.0, 9.9].into_iter();
    close(
        &take(8, &mut |g| d::poisson(inputs.next().unwrap(), g).unwrap() as f64),
        &[0.0, 1.0, 18.0, 32.0, 0.0, 96.0, 1041.0, 9.0],
    );
    let mut inputs = [0.5, 3.0, 12.0, 40.0, 0.01, 100.0].into_iter();
    close(
        &take(6, &mut |g| d::standard_gamma(inputs.next().unwrap(), false, g)),
        &[
            1.5588052402318462,
            3.002866237926087,
            5.108004714356056,
            41.992428810394436,
            8.051722585537301e-07,
            107.9670580891636,
        ],
    );
    let mut inputs = [0.5, 3.0, 12.0, 40.0, 0.3f32 as f64, 100.0].into_iter();
    close(
        &take(6, &mut |g| d::standard_gamma(inputs.next().unwrap(), true, g)),
        &[
            1.558805227279663,
            3.002866268157959,
            5.108005046844482,
            41.992431640625,
            0.9917654395103455,
            107.96705627441406,
        ],
    );
    let mut inputs = [5.0, 100.0, 20.0, 1000.0, 50.0, 7.0, 1000000.0]
        .into_iter()
        .zip([0.5, 0.3, 0.9, 0.6, 0.04, 1.0, 0.25]);
    close(
        &take(7, &mut |g| {
            let (n, p) = inputs.next().unwrap();
            d::binomial(n, p, g)
        }),
        &[1.0, 24.0, 16.0, 620.0, 3.0, 7.0, 250139.0],
    );
    let mut out = [0.0; 6];
    d::dirichlet(&[0.5, 3.0, 12.0, 40.0, 0.2, 100.0], &mut out, &mut seeded());
    close(
        &out,
        &[
            0.009721335693392459,
            0.018727080194375148,
            0.03185556942591551,
            0.2618816555851538,
            0.00448841149486993,
            0.673325947606293,
        ],
    );
    assert!(d::bernoulli(1.5, &mut seeded()).is_err());
    assert!(d::poisson(-1.0, &mut seeded()).is_err() && d::poisson(f64::NAN, &mut seeded()).is_err());
}

#[test]
fn multinomial() {
    let weights = [0.1, 0.2, 0.3, 0.4, 0.0, 1.5, 0.01].map(|w: f32| w as f64);
    assert_eq!(
        d::multinomial_with_replacement(&weights, 10, true, &mut seeded()).unwrap(),
        [1, 1, 2, 1, 5, 5, 5, 5, 1, 2]
    );
    let weights = crate::Tensor::from_slice(&[0.1f32, 0.2, 0.3, 0.4, 0.0, 1.5, 0.01], &[7]).unwrap();
    let draw = |n| super::tensor::multinomial(&weights, n, false, &mut seeded()).unwrap();
    assert_eq!(draw(1).to_vec::<i64>().unwrap(), [3]);
    assert_eq!(draw(5).to_vec::<i64>().unwrap(), [3, 1, 5, 2, 0]);
    assert!(d::multinomial_with_replacement(&[0.0, 0.0], 1, true, &mut seeded()).is_err());
    assert!(
        d::check_weights(&[1.0, -1.0], 2).is_err() && d::check_weights(&[0.0, 1.0, 0.0, 0.0], 2).is_err()
    );
}

#[test]
fn state() {
    let mut g = seeded();
    assert_eq!(hash(&g.get_state()), 0x54d354babfe0cdde);
    g.normal();
    assert_eq!(hash(&g.get_state()), 0x912c4d45955148f8);
    fill::random(&mut [0i32; 620], &mut g);
    assert_eq!(hash(&g.get_state()), 0xe790a5a92bb0b164);
    fill::random(&mut [0i32; 1], &mut g);
    assert_eq!(hash(&g.get_state()), 0x22d62d867ccfafc5);
    let saved = g.get_state();
    assert_eq!(saved.len(), STATE_BYTES);
    let ahead = (g.normal(), g.random(), g.normal());
    let mut other = Generator::default();
    other.set_state(&saved).unwrap();
    assert_eq!((other.normal(), other.random(), other.normal()), ahead);
    assert_eq!(other.initial_seed(), SEED);
    assert!(other.set_state(&saved[1..]).is_err());
    assert!(other.set_state(&[0; STATE_BYTES]).is_err());
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf29ce484222325, |h, &b| {
        (h ^ b as u64).wrapping_mul(0x100000001b3)
    })
}

#[test]
fn tensors() {
    use crate::{DType, Tensor};
    let vec = |t: &Tensor| t.to_vec::<f64>().unwrap();
    let empty = |sizes: &[i64], dtype| Tensor::empty(sizes, dtype).unwrap();
    let t = empty(&[4, 5], DType::Float).t().unwrap();
    super::tensor::normal_(&t, 0.0, 1.0, &mut seeded()).unwrap();
    close(
        &vec(&t),
        &[
            0.33669036626815796,
            -0.18632829189300537,
            0.5349046587944031,
            0.9579718112945557,
            0.12880940735340118,
            2.2082014083862305,
            0.809357225894928,
            1.322135090827942,
            0.23446236550807953,
            -0.637997031211853,
            1.110290288925171,
            0.8171897530555725,
            0.23033303022384644,
            0.46165722608566284,
            -1.6897989511489868,
            -0.765838623046875,
            -1.1228563785552979,
            0.2673508822917938,
            -0.9889599084854126,
            -0.7506223320960999,
        ],
    );
    let t = empty(&[4, 5], DType::Float).narrow(1, 1, 3).unwrap();
    super::tensor::uniform_(&t, 0.0, 1.0, &mut seeded()).unwrap();
    close(
        &vec(&t),
        &[
            0.8822692632675171,
            0.9150039553642273,
            0.38286375999450684,
            0.9593056440353394,
            0.3904482126235962,
            0.600895345211029,
            0.2565724849700928,
            0.7936413288116455,
            0.9407714605331421,
            0.13318592309951782,
            0.9345980882644653,
            0.5935796499252319,
        ],
    );
    let t = empty(&[2, 3], DType::ComplexFloat);
    super::tensor::normal_(&t, 0.0, 1.0, &mut seeded()).unwrap();
    close(
        &vec(&t.view_as_real().unwrap()),
        &[
            0.23807603120803833,
            0.09108200669288635,
            0.16578993201255798,
            0.16287004947662354,
            -0.7939793467521667,
            -0.13175401091575623,
            1.5614341497421265,
            -0.45113205909729004,
            0.3264409601688385,
            0.18904560804367065,
            0.37823471426963806,
            0.572301983833313,
        ],
    );
    let t = Tensor::arange(0.into(), 24.into(), 1.into(), DType::Float)
        .unwrap()
        .view(&[2, 3, 4])
        .unwrap();
    let out = super::tensor::dropout(&t, 0.4, true, super::tensor::Dropout::Elements, &mut seeded()).unwrap();
    close(
        &vec(&out),
        &[
            0.0,
            1.6666666269302368,
            3.3333332538604736,
            5.0,
            6.666666507720947,
            8.333333015441895,
            0.0,
            0.0,
            13.333333015441895,
            15.0,
            16.66666603088379,
            18.333332061767578,
            0.0,
            0.0,
            23.333332061767578,
            0.0,
            26.66666603088379,
            0.0,
            0.0,
            31.66666603088379,
            33.33333206176758,
            0.0,
            36.666664123535156,
            38.33333206176758,
        ],
    );
    let t = Tensor::arange(0.into(), 24.into(), 1.into(), DType::Float)
        .unwrap()
        .view(&[2, 3, 4])
        .unwrap();
    let out = super::tensor::dropout(&t, 0.4, true, super::tensor::Dropout::Alpha, &mut seeded()).unwrap();
    close(
        &vec(&out),
        &[
            0.6070946455001831,
            1.4703772068023682,
            2.3336598873138428,
            3.1969423294067383,
            4.060225009918213,
            4.9235076904296875,
            -0.9106420278549194,
            -0.9106420278549194,
            7.513355731964111,
            8.376638412475586,
            9.239920616149902,
            10.103203773498535,
            -0.9106420278549194,
            -0.9106420278549194,
            12.6930513381958,
            -0.9106420278549194,
            14.41961669921875,
            -0.9106420278549194,
            -0.9106420278549194,
            17.009464263916016,
            17.872745513916016,
            -0.9106420278549194,
            19.59931182861328,
            20.462594985961914,
        ],
    );
    let t = Tensor::arange(0.into(), 24.into(), 1.into(), DType::Float)
        .unwrap()
        .view(&[2, 3, 4])
        .unwrap();
    let out = super::tensor::dropout(&t, 0.4, true, super::tensor::Dropout::Features, &mut seeded()).unwrap();
    close(
        &vec(&out),
        &[
            0.0,
            1.6666666269302368,
            3.3333332538604736,
            5.0,
            6.666666507720947,
            8.333333015441895,
            10.0,
            11.666666030883789,
            13.333333015441895,
            15.0,
            16.66666603088379,
            18.333332061767578,
            20.0,
            21.66666603088379,
            23.333332061767578,
            25.0,
            26.66666603088379,
            28.333332061767578,
            30.0,
            31.66666603088379,
            33.33333206176758,
            35.0,
            36.666664123535156,
            38.33333206176758,
        ],
    );
    let t = Tensor::arange(0.into(), 24.into(), 1.into(), DType::Float)
        .unwrap()
        .view(&[2, 3, 4])
        .unwrap();
    let out = super::tensor::dropout(
        &t,
        0.4,
        true,
        super::tensor::Dropout::AlphaFeatures,
        &mut seeded(),
    )
    .unwrap();
    close(
        &vec(&out),
        &[
            0.6070946455001831,
            1.4703772068023682,
            2.3336598873138428,
            3.1969423294067383,
            4.060225009918213,
            4.9235076904296875,
            5.786790370941162,
            6.650073051452637,
            7.513355731964111,
            8.376638412475586,
            9.239920616149902,
            10.103203773498535,
            10.966485977172852,
            11.829769134521484,
            12.6930513381958,
            13.556334495544434,
            14.41961669921875,
            15.282898902893066,
            16.146181106567383,
            17.009464263916016,
            17.872745513916016,
            18.73602867126465,
            19.59931182861328,
            20.462594985961914,
        ],
    );
    let w = Tensor::from_slice(&[0.2f32, 0.3, 0.5, 1.0, 2.0, 0.0], &[2, 3]).unwrap();
    close(
        &vec(&super::tensor::multinomial(&w, 4, true, &mut seeded()).unwrap()),
        &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
    );
    close(
        &vec(&super::tensor::multinomial(&w, 2, false, &mut seeded()).unwrap()),
        &[1.0, 2.0, 0.0, 1.0],
    );
    let t = Tensor::from_elements(&[-1.0f32, 2.0, -3.0, -4.0]).unwrap();
    close(
        &vec(&super::tensor::rrelu(&t, 0.1, 0.3, &mut seeded()).unwrap().1),
        &[
            -0.11163090169429779,
            2.0,
            -0.33774611353874207,
            -0.4988688826560974,
        ],
    );
}
