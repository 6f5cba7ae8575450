//! Feeds audio to a streaming voice detector chunk by chunk and prints probabilities and times as JSON.
//!
//! ```text
//! stream MODEL AUDIO.f32 RATE CHUNK
//! ```
//!
//! The model keeps its state between chunks, so it runs in a session of its own; the file holds raw
//! little-endian f32 samples.

use std::time::Instant;

use flambeau::{IValue, Module, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, audio, rate, chunk] = args.as_slice() else {
        return Err("usage: stream MODEL AUDIO.f32 RATE CHUNK".into());
    };
    let (rate, chunk): (i64, usize) = (rate.parse()?, chunk.parse()?);
    let bytes = std::fs::read(audio)?;
    let samples: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();

    let start = Instant::now();
    let module = Module::load(model)?;
    module.set_num_threads(1);
    let load_ms = start.elapsed().as_secs_f64() * 1e3;

    let mut session = module.session()?;
    session.call("reset_states", &[], &[])?;
    let (mut probabilities, mut times) = (Vec::new(), Vec::new());
    for piece in samples.chunks_exact(chunk) {
        let input = Tensor::from_slice(piece, &[chunk as i64])?;
        let start = Instant::now();
        let output = session.forward(&[IValue::from(input), IValue::from(rate)])?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        let probability = output
            .as_tensor()
            .ok_or("the model did not return a tensor")?
            .item()?;
        probabilities.push(probability.to_f64());
    }
    let first_us = times.first().copied().unwrap_or(0.0);
    times.sort_by(f64::total_cmp);
    let median_us = times.get(times.len() / 2).copied().unwrap_or(0.0);
    println!(
        "{{\"load_ms\": {load_ms}, \"first_us\": {first_us}, \"median_us\": {median_us}, \"probabilities\": {probabilities:?}}}"
    );
    Ok(())
}
