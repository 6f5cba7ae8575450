//! Pictures as tensors, as torchvision's transforms make them: `cat.jpg?size=256&crop=224&normalize=imagenet`.
//!
//! | option | meaning | default |
//! |---|---|---|
//! | `size=224` | the shorter side becomes 224, bilinear and antialiased | as it is |
//! | `size=320x240` | width and height become these | |
//! | `crop=224`, `crop=320x240` | cut out of the middle after sizing | whole |
//! | `mode=rgb`, `bgr`, `gray`, `rgba` | channels | `rgb` |
//! | `dtype=f32`, `u8`, … | floats are 0 to 1, integers 0 to 255 | `f32` |
//! | `mean=0.5` `std=0.5`, or three each | subtracted and divided by | none |
//! | `normalize=imagenet`, `half` | `mean` and `std` of ImageNet; 0.5 and 0.5 | none |
//! | `layout=nchw`, `chw`, `nhwc`, `hwc` | order of dimensions | `nchw` |

use super::{Options, Result, dtype};
use flambeau_tensor::{DType, Tensor};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels that a picture may decode to: 256 million, a gigabyte of RGBA.
const MOST_PIXELS: usize = 1 << 28;

/// Interleaved samples of one byte, or of 16 bits scaled to 0..255.
struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    samples: Vec<f32>,
}

pub fn read_png(bytes: &[u8], options: &Options) -> Result<Tensor> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height)?;
    let mut buffer = vec![0; reader.output_buffer_size().ok_or("the picture is too large")?];
    let info = reader.next_frame(&mut buffer).map_err(|e| e.to_string())?;
    let bytes = &buffer[..info.buffer_size()];
    let samples = match info.bit_depth {
        png::BitDepth::Sixteen => bytes
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from(u16::from_be_bytes(b)) / 257.0)
            .collect(),
        _ => bytes.iter().map(|&b| f32::from(b)).collect(),
    };
    let channels = info.color_type.samples();
    tensor(
        Picture {
            width,
            height,
            channels,
            samples,
        },
        options,
    )
}

pub fn read_jpeg(bytes: &[u8], options: &Options) -> Result<Tensor> {
    let settings = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(1 << 16)
        .set_max_height(1 << 16);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), settings);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("the picture has no size")?;
    check_size(width, height)?;
    let samples: Vec<f32> = decoder
        .decode()
        .map_err(|e| e.to_string())?
        .into_iter()
        .map(f32::from)
        .collect();
    if samples.len() != width * height * 3 {
        return Err("the picture has an unusual number of channels".into());
    }
    tensor(
        Picture {
            width,
            height,
            channels: 3,
            samples,
        },
        options,
    )
}

fn check_size(width: usize, height: usize) -> Result<()> {
    match width.checked_mul(height) {
        Some(1..=MOST_PIXELS) => Ok(()),
        _ => Err(format!("a picture of {width} by {height} pixels cannot be read")),
    }
}

fn tensor(picture: Picture, options: &Options) -> Result<Tensor> {
    let mut picture = recolour(picture, options.get("mode").unwrap_or("rgb"))?;
    let sides = |text: &str| -> Result<(usize, Option<usize>)> {
        let wrong = || format!("expected `N` or `WIDTHxHEIGHT`, found `{text}`");
        let side = |text: &str| {
            text.parse::<u16>()
                .ok()
                .filter(|&n| n > 0)
                .map(usize::from)
                .ok_or_else(wrong)
        };
        match text.split_once('x') {
            Some((width, height)) => Ok((side(width)?, Some(side(height)?))),
            None => Ok((side(text)?, None)),
        }
    };
    if let Some(size) = options.get("size") {
        let (width, height) = match sides(size)? {
            (width, Some(height)) => (width, height),
            // The longer side is rounded down, as torchvision does.
            (side, None) if picture.width <= picture.height => (side, side * picture.height / picture.width),
            (side, None) => (side * picture.width / picture.height, side),
        };
        check_size(width, height)?;
        picture = resize(picture, width, height);
    }
    if let Some(crop) = options.get("crop") {
        let (width, height) = sides(crop)?;
        picture = crop_middle(picture, width, height.unwrap_or(width))?;
    }
    let kind = options.get("dtype").unwrap_or("f32");
    let kind = dtype(kind).ok_or_else(|| format!("`{kind}` is not a dtype"))?;
    let Picture {
        width,
        height,
        channels,
        mut samples,
    } = picture;
    normalise(&mut samples, channels, kind, options)?;

    let batch = |layout: &str| layout.starts_with('n');
    let layout = options.get("layout").unwrap_or("nchw");
    let sizes = [height as i64, width as i64, channels as i64];
    let values = Tensor::from_vec(samples, &sizes).and_then(|t| {
        let t = match layout {
            "nchw" | "chw" => t.permute(&[2, 0, 1])?.contiguous()?,
            _ => t,
        };
        let t = if batch(layout) { t.unsqueeze(0)? } else { t };
        t.to_dtype(kind)
    });
    match layout {
        "nchw" | "chw" | "nhwc" | "hwc" => values.map_err(|e| e.to_string()),
        other => Err(format!(
            "expected a layout `nchw`, `chw`, `nhwc` or `hwc`, found `{other}`"
        )),
    }
}

fn normalise(samples: &mut [f32], channels: usize, kind: DType, options: &Options) -> Result<()> {
    let list = |name: &str| -> Result<Option<Vec<f32>>> {
        let Some(text) = options.get(name) else {
            return Ok(None);
        };
        let numbers = text.split(',').map(|n| {
            n.trim()
                .parse::<f32>()
                .map_err(|_| format!("`{n}` is not a number"))
        });
        let mut numbers = numbers.collect::<Result<Vec<_>>>()?;
        if numbers.len() == 1 {
            numbers.resize(channels, numbers[0]);
        }
        if numbers.len() != channels {
            return Err(format!(
                "`{name}` has {} numbers for {channels} channels",
                numbers.len()
            ));
        }
        Ok(Some(numbers))
    };
    let (mut mean, mut std) = match options.get("normalize") {
        None => (None, None),
        Some("imagenet") if channels == 3 => {
            let (mut mean, mut std) = (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]);
            if options.get("mode") == Some("bgr") {
                mean.reverse();
                std.reverse();
            }
            (Some(mean), Some(std))
        }
        Some("half") => (Some(vec![0.5; channels]), Some(vec![0.5; channels])),
        Some(other) => return Err(format!("`normalize={other}` does not fit {channels} channels")),
    };
    mean = list("mean")?.or(mean);
    std = list("std")?.or(std);
    if !kind.is_floating_point() {
        if mean.is_some() || std.is_some() {
            return Err("a normalised picture needs a dtype of floats".into());
        }
        samples.iter_mut().for_each(|s| *s = s.round());
        return Ok(());
    }
    let (mean, std) = (
        mean.unwrap_or(vec![0.0; channels]),
        std.unwrap_or(vec![1.0; channels]),
    );
    for pixel in samples.chunks_exact_mut(channels) {
        for ((sample, mean), std) in pixel.iter_mut().zip(&mean).zip(&std) {
            *sample = (*sample / 255.0 - mean) / std;
        }
    }
    Ok(())
}

fn recolour(picture: Picture, mode: &str) -> Result<Picture> {
    let Picture {
        width,
        height,
        channels,
        samples,
    } = picture;
    let pixels = samples.chunks_exact(channels.max(1));
    // Gray and alpha, if they come, are the first and the last channel.
    let rgb = |p: &[f32]| {
        if channels < 3 {
            [p[0]; 3]
        } else {
            [p[0], p[1], p[2]]
        }
    };
    let alpha = |p: &[f32]| {
        if channels == 2 || channels == 4 {
            p[channels - 1]
        } else {
            255.0
        }
    };
    let (channels, samples) = match mode {
        "rgb" => (3, pixels.flat_map(rgb).collect()),
        "bgr" => (
            3,
            pixels
                .flat_map(|p| {
                    let [r, g, b] = rgb(p);
                    [b, g, r]
                })
                .collect(),
        ),
        "rgba" => (
            4,
            pixels
                .flat_map(|p| {
                    let [r, g, b] = rgb(p);
                    [r, g, b, alpha(p)]
                })
                .collect(),
        ),
        "gray" if channels < 3 => (1, pixels.map(|p| p[0]).collect()),
        // The weights of ITU-R 601, rounded as Pillow does.
        "gray" => (
            1,
            pixels
                .map(|p| (p[0] * 0.299 + p[1] * 0.587 + p[2] * 0.114).round())
                .collect(),
        ),
        other => {
            return Err(format!(
                "expected a mode `rgb`, `bgr`, `rgba` or `gray`, found `{other}`"
            ));
        }
    };
    Ok(Picture {
        width,
        height,
        channels,
        samples,
    })
}

fn crop_middle(picture: Picture, width: usize, height: usize) -> Result<Picture> {
    if width > picture.width || height > picture.height {
        return Err(format!(
            "a crop of {width} by {height} does not fit in a picture of {} by {}",
            picture.width, picture.height
        ));
    }
    let half = |room: usize| (room as f64 / 2.0).round_ties_even() as usize;
    let (left, top) = (half(picture.width - width), half(picture.height - height));
    let n = picture.channels;
    let rows = picture
        .samples
        .chunks_exact(picture.width * n)
        .skip(top)
        .take(height);
    let samples = rows
        .flat_map(|row| &row[left * n..(left + width) * n])
        .copied()
        .collect();
    Ok(Picture {
        width,
        height,
        channels: n,
        samples,
    })
}

/// Bilinear and antialiased: a triangle as wide as the scale, one axis after the other. Bytes and fixed-point weights,
/// as in Pillow, so that the results are equal.
fn resize(picture: Picture, width: usize, height: usize) -> Picture {
    let n = picture.channels;
    let source: Vec<i64> = picture.samples.iter().map(|s| s.round() as i64).collect();
    let across = weights(picture.width, width);
    let mut narrow = Vec::with_capacity(width * picture.height * n);
    for row in source.chunks_exact(picture.width * n) {
        for (first, weights) in &across {
            for c in 0..n {
                narrow.push(weigh(weights, |i| row[(first + i) * n + c]));
            }
        }
    }
    let mut samples = Vec::with_capacity(width * height * n);
    for (first, weights) in &weights(picture.height, height) {
        for x in 0..width * n {
            samples.push(weigh(weights, |i| narrow[(first + i) * width * n + x]) as f32);
        }
    }
    Picture {
        width,
        height,
        channels: n,
        samples,
    }
}

const FRACTION_BITS: u32 = 22;

fn weigh(weights: &[i64], sample: impl Fn(usize) -> i64) -> i64 {
    let sum: i64 = weights.iter().enumerate().map(|(i, w)| w * sample(i)).sum();
    ((sum + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).clamp(0, 255)
}

/// For each output position the first input position and the weights from there on.
fn weights(from: usize, to: usize) -> Vec<(usize, Vec<i64>)> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let place = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = ((centre - reach + 0.5).max(0.0) as usize).min(from - 1);
        let last = ((centre + reach + 0.5) as usize).min(from).max(first + 1);
        let weight = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let total: f64 = (first..last).map(weight).sum();
        let unit = f64::from(1 << FRACTION_BITS);
        let fixed = |w: f64| {
            if total > 0.0 {
                (w / total * unit).round() as i64
            } else {
                1 << FRACTION_BITS
            }
        };
        (first, (first..last).map(|x| fixed(weight(x))).collect())
    };
    (0..to).map(place).collect()
}

/// A tensor of one picture, `[C, H, W]` or `[H, W]`: bytes, or floats from 0 to 1 (`range=minmax` stretches them).
pub fn write_png(tensor: &Tensor, options: &Options) -> Result<Vec<u8>> {
    let plain = |e: flambeau_tensor::Error| e.to_string();
    let mut tensor = tensor.clone();
    while tensor.dim() > 3 && tensor.sizes()[0] == 1 {
        tensor = tensor.select(0, 0).map_err(plain)?;
    }
    if tensor.dim() == 2 {
        tensor = tensor.unsqueeze(0).map_err(plain)?;
    }
    let &[channels, height, width] = tensor.sizes() else {
        return Err(format!(
            "a picture should have sizes [C, H, W] or [H, W], found {:?}",
            tensor.sizes()
        ));
    };
    let colour = match channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        _ => return Err(format!("a picture should have 1 to 4 channels, found {channels}")),
    };
    let floats = tensor.is_floating_point();
    let interleaved = tensor
        .permute(&[1, 2, 0])
        .and_then(|t| t.to_vec::<f32>())
        .map_err(plain)?;
    let (low, high) = match options.get("range") {
        None | Some("unit") => (0.0, if floats { 1.0 } else { 255.0 }),
        Some("minmax") => {
            let finite = || interleaved.iter().copied().filter(|v| v.is_finite());
            (
                finite().fold(f32::INFINITY, f32::min),
                finite().fold(f32::NEG_INFINITY, f32::max),
            )
        }
        Some(other) => return Err(format!("expected a range `unit` or `minmax`, found `{other}`")),
    };
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    let bytes: Vec<u8> = interleaved
        .iter()
        .map(|v| ((v - low) * scale).round() as u8)
        .collect();
    let side = |n: i64| u32::try_from(n).map_err(|_| "the picture is too large".to_owned());
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side(width)?, side(height)?);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(&bytes).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(out)
}
