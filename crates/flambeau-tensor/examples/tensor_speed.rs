//! Times tensor operators: `cargo run --release -p flambeau-tensor --example tensor_speed [NAME]`.

use flambeau_tensor::pointwise as p;
use flambeau_tensor::{DType, MemoryFormat, Result, Tensor, index, reduce};
use std::hint::black_box;
use std::time::Instant;

fn time(name: &str, bytes: usize, mut body: impl FnMut() -> Result<Tensor>) -> Result<()> {
    if let Some(only) = std::env::args().nth(1)
        && !name.contains(&only)
    {
        return Ok(());
    }
    black_box(body()?);
    let mut best = f64::INFINITY;
    for _ in 0..60 {
        let mut n = 1;
        loop {
            let start = Instant::now();
            for _ in 0..n {
                black_box(body()?);
            }
            let t = start.elapsed().as_secs_f64();
            if t > 0.0005 {
                best = best.min(t / n as f64);
                break;
            }
            n *= 4;
        }
    }
    println!(
        "{name:32} {:10.2} us {:8.1} GB/s",
        best * 1e6,
        bytes as f64 / best / 1e9
    );
    Ok(())
}

fn main() -> Result<()> {
    let one = 1.into();
    let f = |sizes: &[i64]| -> Result<Tensor> {
        let n = sizes.iter().product::<i64>();
        Tensor::arange(0.into(), n.into(), one, DType::Float)?.view(sizes)
    };
    let small = f(&[16])?;
    time("add 16", 0, || p::add((&small).into(), (&small).into(), one))?;
    time("add_ 16", 0, || {
        p::add_to(
            p::To::InPlace(&small),
            (&small).into(),
            p::Arg::Number(0.into()),
            one,
        )
    })?;
    time("empty 16", 0, || Tensor::empty(&[16], DType::Float))?;
    time("relu 16", 0, || p::relu(&small))?;
    time("mul number 16", 0, || {
        p::mul((&small).into(), p::Arg::Number(2.0.into()))
    })?;
    time("sum 16", 0, || reduce::sum(&small, &[], false, None))?;
    time("view 16", 0, || small.view(&[4, 4]))?;
    let x4k = f(&[4096])?;
    time("add 4096", 3 * 4 * 4096, || {
        p::add((&x4k).into(), (&x4k).into(), one)
    })?;
    let x = f(&[1 << 20])?;
    let mb = 4 << 20;
    for threads in [1, 2] {
        flambeau_tensor::parallel::with_threads(threads, || -> Result<()> {
            println!("-- {threads} thread(s)");
            time("add 1M", 3 * mb, || p::add((&x).into(), (&x).into(), one))?;
            time("add_ 1M", 3 * mb, || {
                p::add_to(p::To::InPlace(&x), (&x).into(), p::Arg::Number(0.into()), one)
            })?;
            time("relu 1M", 2 * mb, || p::relu(&x))?;
            time("tanh 1M", 2 * mb, || p::tanh(&x))?;
            time("gelu 1M", 2 * mb, || p::gelu(&x, "none"))?;
            time("sum 1M", mb, || reduce::sum(&x, &[], false, None))?;
            let m = x.view(&[1024, 1024])?;
            time("sum dim 0 1024x1024", mb, || reduce::sum(&m, &[0], false, None))?;
            time("sum dim 1 1024x1024", mb, || reduce::sum(&m, &[1], false, None))?;
            time("softmax dim 1 1024x1024", 2 * mb, || reduce::softmax(&m, 1, None))?;
            time("softmax dim 0 1024x1024", 2 * mb, || reduce::softmax(&m, 0, None))?;
            time("argmax dim 1", mb, || reduce::argmax(&m, Some(1), false))?;
            time("t().contiguous() 1024x1024", 2 * mb, || m.t()?.contiguous())?;
            let img = x.view(&[4, 64, 64, 64])?;
            time("nchw -> nhwc", 2 * mb, || {
                img.contiguous_as(MemoryFormat::ChannelsLast)
            })?;
            let nhwc = img.contiguous_as(MemoryFormat::ChannelsLast)?;
            time("nhwc -> nchw", 2 * mb, || nhwc.contiguous())?;
            time("add nhwc + nchw", 3 * mb, || {
                p::add((&nhwc).into(), (&img).into(), one)
            })?;
            let bias = f(&[1, 64, 1, 1])?;
            time("add bias nchw", 2 * mb, || {
                p::add((&img).into(), (&bias).into(), one)
            })?;
            time("add bias nhwc", 2 * mb, || {
                p::add((&nhwc).into(), (&bias).into(), one)
            })?;
            let row = f(&[1024])?;
            time("add row", 2 * mb, || p::add((&m).into(), (&row).into(), one))?;
            time("mean [2,3] nchw", mb, || reduce::mean(&img, &[2, 3], false, None))?;
            time("mean [2,3] nhwc", mb, || {
                reduce::mean(&nhwc, &[2, 3], false, None)
            })?;
            time("cat dim 1", 4 * mb, || index::cat(&[img.clone(), img.clone()], 1))?;
            time("to half", mb + mb / 2, || x.to_dtype(DType::Half))?;
            let h = x.to_dtype(DType::Half)?;
            time("half add 1M", 3 * mb / 2, || {
                p::add((&h).into(), (&h).into(), one)
            })?;
            time("clone 1M", 2 * mb, || x.copy())?;
            time("zeros 1M", mb, || Tensor::zeros(&[1 << 20], DType::Float))?;
            let heads = x.view(&[8, 128, 16, 64])?.transpose(1, 2)?;
            let chain = || -> Result<Tensor> {
                let a = p::mul((&m).into(), (&row).into())?;
                let b = p::add((&a).into(), (&row).into(), one)?;
                let c = p::relu(&b)?;
                p::add((&c).into(), (&m).into(), one)
            };
            time("mul add relu add", 2 * mb, chain)?;
            time("attention permute contiguous", 2 * mb, || heads.contiguous())?;
            Ok(())
        })?;
    }
    Ok(())
}
