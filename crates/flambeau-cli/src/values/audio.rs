//! Sound as tensors: `.wav` files of integers or floats, as `torchaudio.load` gives them.
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `mono=true` | the mean of the channels | all channels |
//! | `rate=16000` | the rate that the file must have; when writing, the rate to note | any; 16000 |
//! | `layout=ct`, `t` | `[channels, time]`, or `[time]` of a mono file | `ct` |

use super::{Options, Result};
use flambeau_tensor::Tensor;
use std::io::Cursor;

pub fn read(bytes: &[u8], options: &Options) -> Result<Tensor> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let spec = reader.spec();
    if let Some(rate) = options.get("rate") {
        let expected: u32 = rate.parse().map_err(|_| format!("`{rate}` is not a rate"))?;
        if expected != spec.sample_rate {
            return Err(format!(
                "the rate is {}, expected {expected}; convert the file first",
                spec.sample_rate
            ));
        }
    }
    let channels = usize::from(spec.channels);
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1u64 << spec.bits_per_sample.saturating_sub(1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 * scale))
                .collect()
        }
    }
    .map_err(|e: hound::Error| e.to_string())?;
    if channels == 0 || !samples.len().is_multiple_of(channels) {
        return Err("the channels have different lengths".into());
    }
    let sizes = [(samples.len() / channels) as i64, channels as i64];
    let (mono, layout) = (
        options.flag("mono", false)?,
        options.get("layout").unwrap_or("ct"),
    );
    let mixed: Option<Vec<f32>> = mono.then(|| {
        samples
            .chunks_exact(channels)
            .map(|s| s.iter().sum::<f32>() / channels as f32)
            .collect()
    });
    let tensor = match (layout, mixed) {
        ("ct", Some(mixed)) => Tensor::from_slice(&mixed, &[1, sizes[0]]),
        ("ct", None) => Tensor::from_vec(samples, &sizes).and_then(|t| t.transpose(0, 1)?.contiguous()),
        ("t", Some(mixed)) => Tensor::from_elements(&mixed),
        ("t", None) if channels == 1 => Tensor::from_elements(&samples),
        ("t", None) => {
            return Err(format!(
                "the file has {channels} channels; `mono=true` mixes them"
            ));
        }
        (other, _) => return Err(format!("expected a layout `ct` or `t`, found `{other}`")),
    };
    tensor.map_err(|e| e.to_string())
}

/// `[time]` or `[channels, time]`, floats from -1 to 1, as 16-bit integers.
pub fn write(tensor: &Tensor, options: &Options) -> Result<Vec<u8>> {
    let plain = |e: flambeau_tensor::Error| e.to_string();
    let rate = options.get("rate").unwrap_or("16000");
    let rate: u32 = rate.parse().map_err(|_| format!("`{rate}` is not a rate"))?;
    let mut tensor = tensor.clone();
    while tensor.dim() > 2 && tensor.sizes()[0] == 1 {
        tensor = tensor.select(0, 0).map_err(plain)?;
    }
    let channels = match *tensor.sizes() {
        [_] => 1,
        [channels, _] => channels,
        _ => {
            return Err(format!(
                "sound should have sizes [channels, time] or [time], found {:?}",
                tensor.sizes()
            ));
        }
    };
    let channels = u16::try_from(channels).map_err(|_| format!("{channels} channels are too many"))?;
    let interleaved = if tensor.dim() == 2 {
        tensor.transpose(0, 1).map_err(plain)?
    } else {
        tensor
    };
    let samples = interleaved.to_vec::<f32>().map_err(plain)?;
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut out = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut out, spec).map_err(|e| e.to_string())?;
    for sample in samples {
        writer
            .write_sample((sample * 32768.0).round() as i16)
            .map_err(|e| e.to_string())?;
    }
    writer.finalize().map_err(|e| e.to_string())?;
    Ok(out.into_inner())
}
