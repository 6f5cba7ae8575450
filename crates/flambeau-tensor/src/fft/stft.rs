//! The short-time Fourier transform and its inverse.

use super::{Norm, c2c, c2r, r2c};
use crate::layout::Dims;
use crate::pointwise;
use crate::{DType, Result, Tensor, bail, ensure};

/// Arguments that both directions share; `None` is PyTorch's default.
#[derive(Clone, Copy, Debug)]
pub struct Stft<'a> {
    pub n_fft: i64,
    pub hop_length: Option<i64>,
    pub win_length: Option<i64>,
    pub window: Option<&'a Tensor>,
    pub normalized: bool,
    pub onesided: Option<bool>,
}

impl Stft<'_> {
    fn hop(&self) -> i64 {
        self.hop_length.unwrap_or(self.n_fft / 4)
    }

    fn win(&self) -> i64 {
        self.win_length.unwrap_or(self.n_fft)
    }

    /// The window, in the middle of `n_fft` zeros.
    fn padded_window(&self, dtype: DType, name: &str) -> Result<Tensor> {
        let win = self.win();
        let window = match self.window {
            None => Tensor::ones(&[win], dtype)?,
            Some(window) => {
                ensure!(
                    window.dim() == 1 && window.sizes()[0] == win,
                    "{name}: expected a 1D window tensor of size equal to win_length={win}, but got window with size {}",
                    crate::layout::show(window.sizes())
                );
                window.clone()
            }
        };
        if win == self.n_fft {
            return Ok(window);
        }
        let out = Tensor::zeros(&[self.n_fft], window.dtype())?;
        out.narrow(0, (self.n_fft - win) / 2, win)?.copy_(&window)?;
        Ok(out)
    }
}

/// Frequencies by frames of a signal (1-d) or a batch of them (2-d). `center` has been dealt with by the caller
/// (see [`center_pad`]).
pub fn stft(t: &Tensor, args: Stft, return_complex: Option<bool>) -> Result<Tensor> {
    let name = "stft";
    let (n_fft, hop, win) = (args.n_fft, args.hop(), args.win());
    let complex_window = args.window.is_some_and(|w| w.is_complex());
    let complex = t.is_complex() || complex_window;
    let return_complex = match return_complex {
        Some(choice) => choice,
        None if complex => true,
        None => bail!(
            "stft requires the return_complex parameter be given for real inputs, and will further require that \
             return_complex=True in a future PyTorch release."
        ),
    };
    ensure!(
        t.is_floating_point() || t.is_complex(),
        "{name}: expected a tensor of floating point or complex values"
    );
    ensure!((1..=2).contains(&t.dim()), "{name}: expected a 1D or 2D tensor");
    let batch = if t.dim() == 1 { t.unsqueeze(0)? } else { t.clone() };
    let length = batch.sizes()[1];
    ensure!(
        n_fft > 0 && n_fft <= length,
        "{name}: expected 0 < n_fft < {length}, but got n_fft={n_fft}"
    );
    ensure!(
        hop > 0,
        "{name}: expected hop_length > 0, but got hop_length={hop}"
    );
    ensure!(
        win > 0 && win <= n_fft,
        "{name}: expected 0 < win_length <= n_fft, but got win_length={win}"
    );
    let frames = batch.contiguous()?.unfold(1, n_fft, hop)?;
    let frames = if args.window.is_some() || win != n_fft {
        let window = args.padded_window(t.dtype().to_real(), name)?;
        pointwise::mul((&frames).into(), (&window).into())?
    } else {
        frames
    };
    let onesided = args.onesided.unwrap_or(!complex);
    let norm = if args.normalized {
        Norm::ByRootN
    } else {
        Norm::None
    };
    let spectrum = if frames.is_complex() {
        ensure!(
            !onesided,
            "Cannot have onesided output if window or input is complex"
        );
        c2c(&frames, &[2], norm, true)?
    } else {
        r2c(&frames, &[2], norm, onesided)?
    };
    let mut out = spectrum.transpose(1, 2)?;
    if t.dim() == 1 {
        out = out.squeeze_dim(0)?;
    }
    if return_complex {
        Ok(out)
    } else {
        out.contiguous()?.view_as_real()
    }
}

/// Pads a signal by `n_fft / 2` on both sides, so that frames are centred; modes of `torch.nn.functional.pad`.
pub fn center_pad(t: &Tensor, n_fft: i64, mode: &str) -> Result<Tensor> {
    let pad = n_fft.max(0) / 2;
    let last = t.dim() as i64 - 1;
    ensure!(last >= 0, "stft: expected a 1D or 2D tensor");
    let n = t.size(last)?;
    let source = |i: i64| -> Result<Option<i64>> {
        if (0..n).contains(&i) {
            return Ok(Some(i));
        }
        Ok(match mode {
            "constant" => None,
            "reflect" => Some(if i < 0 { -i } else { 2 * (n - 1) - i }),
            "replicate" => Some(i.clamp(0, n - 1)),
            "circular" => Some(i.rem_euclid(n)),
            _ => bail!("Unrecognised padding mode {mode}"),
        })
    };
    ensure!(
        mode != "reflect" || pad < n,
        "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding \
         ({pad}, {pad}) at dimension {last} of input {}",
        crate::layout::show(t.sizes())
    );
    ensure!(n > 0 || pad == 0, "stft: expected a signal that is not empty");
    let mut sizes: Dims = t.sizes().into();
    sizes[last as usize] = n.saturating_add(pad).saturating_add(pad);
    let out = Tensor::zeros(&sizes, t.dtype())?;
    out.narrow(last, pad, n)?.copy_(t)?;
    for i in (-pad..0).chain(n..n + pad) {
        if let Some(from) = source(i)? {
            out.narrow(last, pad + i, 1)?.copy_(&t.narrow(last, from, 1)?)?;
        }
    }
    Ok(out)
}

/// The signal whose [`stft`] is nearest to `t` (frequencies by frames, complex, 2-d or 3-d).
pub fn istft(
    t: &Tensor,
    args: Stft,
    center: bool,
    length: Option<i64>,
    return_complex: bool,
) -> Result<Tensor> {
    let name = "istft";
    let (n_fft, hop, win) = (args.n_fft, args.hop(), args.win());
    ensure!(
        t.is_complex(),
        "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
    );
    ensure!(t.numel() > 0, "{name}: input tensor cannot be empty");
    ensure!(
        t.dim() == 2 || t.dim() == 3,
        "{name}: expected a tensor with 2 or 3 dimensions, but got {}",
        t.dim()
    );
    let batch = if t.dim() == 2 { t.unsqueeze(0)? } else { t.clone() };
    let (freqs, frames) = (batch.sizes()[1], batch.sizes()[2]);
    let onesided = args.onesided.unwrap_or(freqs != n_fft);
    ensure!(
        !(onesided && return_complex),
        "Cannot have onesided output if window or input is complex"
    );
    let expected = if onesided { n_fft / 2 + 1 } else { n_fft };
    ensure!(
        freqs == expected,
        "{name}: expected the frequency dimension (3rd to the last) of the input tensor to match {} when onesided={}, \
         but got {freqs}",
        if onesided { "n_fft / 2 + 1" } else { "n_fft" },
        if onesided { "True" } else { "False" }
    );
    ensure!(
        hop > 0 && hop <= win,
        "{name}: expected 0 < hop_length <= win_length"
    );
    ensure!(
        win > 0 && win <= n_fft,
        "{name}: expected 0 < win_length <= n_fft"
    );
    let real = t.dtype().to_real();
    let window = args.padded_window(real, name)?;
    ensure!(
        return_complex || !window.is_complex(),
        "Complex windows are incompatible with return_complex=False"
    );
    let spectrum = batch.transpose(1, 2)?;
    let norm = if args.normalized { Norm::ByRootN } else { Norm::ByN };
    let signal = if return_complex {
        c2c(&spectrum, &[2], norm, false)?
    } else {
        let half = spectrum.narrow(2, 0, n_fft / 2 + 1)?;
        c2r(&half, &[2], norm, n_fft as usize)?
    };
    let signal = pointwise::mul((&signal).into(), (&window).into())?;
    let total = n_fft + hop * (frames - 1);
    let start = if center { n_fft / 2 } else { 0 };
    let end = match length {
        Some(length) => start.saturating_add(length),
        None if center => total - n_fft / 2,
        None => total,
    };
    // Overlap and add, for the signal and for the squared window.
    let out = Tensor::zeros(&[batch.sizes()[0], total.max(end)], signal.dtype())?;
    let weight = Tensor::zeros(&[total.max(end)], window.dtype())?;
    let square = pointwise::square(&window)?;
    for frame in 0..frames {
        let place = out.narrow(1, frame * hop, n_fft)?;
        let sum = pointwise::add((&place).into(), (&signal.select(1, frame)?).into(), 1.into())?;
        place.copy_(&sum)?;
        let place = weight.narrow(0, frame * hop, n_fft)?;
        let sum = pointwise::add((&place).into(), (&square).into(), 1.into())?;
        place.copy_(&sum)?;
    }
    ensure!(end > start, "{name}: the requested signal is empty");
    let covered = end.min(total);
    let out = out.narrow(1, start, end - start)?;
    let weight = weight.narrow(0, start, end - start)?;
    let least = weight.narrow(0, 0, (covered - start).max(0))?.to_scalars()?;
    ensure!(
        least.iter().all(|w| w.to_complex().norm() > 1e-11),
        "window overlap add min: 1"
    );
    // Past the last frame there is nothing but zeros.
    if covered < end {
        weight.narrow(0, covered - start, end - covered)?.fill_(1)?;
    }
    let out = pointwise::div((&out).into(), (&weight).into())?;
    if t.dim() == 2 { out.squeeze_dim(0) } else { Ok(out) }
}
