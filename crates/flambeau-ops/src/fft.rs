//! Fourier transforms, the short-time transform, window functions.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_ir::value::Device;
use flambeau_tensor::fft::stft::{Stft, center_pad, istft, stft};
use flambeau_tensor::fft::{self, Norm, window};
use flambeau_tensor::{DType, Result, Tensor, bail};

pub fn declare(ops: &mut Rows) {
    one_dimension(ops);
    several_dimensions(ops);
    helpers(ops);
    primitives(ops);
    short_time(ops);
    windows(ops);
}

fn one_dimension(ops: &mut Rows) {
    type Kernel = fn(&Tensor, Option<i64>, i64, Option<&str>) -> Result<Tensor>;
    const ROWS: &[(&str, &str, Kernel)] = &[
        (
            "aten::fft_fft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The discrete Fourier transform.",
            fft::fft,
        ),
        (
            "aten::fft_ifft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The inverse discrete Fourier transform.",
            fft::ifft,
        ),
        (
            "aten::fft_rfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The transform of a real signal, without the redundant half.",
            fft::rfft,
        ),
        (
            "aten::fft_irfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The inverse of `rfft`.",
            fft::irfft,
        ),
        (
            "aten::fft_hfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The transform of a signal given by half of it, conjugate symmetric.",
            fft::hfft,
        ),
        (
            "aten::fft_ihfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor",
            "The inverse of `hfft`.",
            fft::ihfft,
        ),
    ];
    for &(schema, doc, kernel) in ROWS {
        ops.op(schema).doc(doc).kernel(
            move |x: Tensor, n: Option<i64>, dim: i64, norm: Option<Arc<str>>| {
                kernel(&x, n, dim, norm.as_deref())
            },
        );
    }
}

type KernelN = fn(&Tensor, Option<&[i64]>, Option<&[i64]>, Option<&str>) -> Result<Tensor>;

fn several_dimensions(ops: &mut Rows) {
    const ROWS: &[(&str, &str, &str, KernelN)] = &[
        (
            "aten::fft_fftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_fft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The Fourier transform over several dimensions.",
            fft::fftn,
        ),
        (
            "aten::fft_ifftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_ifft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The inverse transform over several dimensions.",
            fft::ifftn,
        ),
        (
            "aten::fft_rfftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_rfft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The transform of a real signal over several dimensions.",
            fft::rfftn,
        ),
        (
            "aten::fft_irfftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_irfft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The inverse of `rfftn`.",
            fft::irfftn,
        ),
        (
            "aten::fft_hfftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_hfft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The transform of a conjugate symmetric signal over several dimensions.",
            fft::hfftn,
        ),
        (
            "aten::fft_ihfftn(Tensor self, SymInt[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
            "aten::fft_ihfft2(Tensor self, SymInt[1]? s=None, int[1] dim=[-2, -1], str? norm=None) -> Tensor",
            "The inverse of `hfftn`.",
            fft::ihfftn,
        ),
    ];
    for &(many, two, doc, kernel) in ROWS {
        ops.op(many).doc(doc).kernel(
            move |x: Tensor, s: Option<Vec<i64>>, dim: Option<Vec<i64>>, norm: Option<Arc<str>>| {
                kernel(&x, s.as_deref(), dim.as_deref(), norm.as_deref())
            },
        );
        ops.op(two).doc(doc).kernel(
            move |x: Tensor, s: Option<Vec<i64>>, dim: Vec<i64>, norm: Option<Arc<str>>| {
                kernel(&x, s.as_deref(), Some(&dim), norm.as_deref())
            },
        );
    }
}

fn helpers(ops: &mut Rows) {
    ops.op("aten::fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor")
        .doc("Moves frequency zero to the middle.")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>| fft::fftshift(&x, dim.as_deref()));
    ops.op("aten::fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor")
        .doc("The inverse of `fftshift`.")
        .kernel(|x: Tensor, dim: Option<Vec<i64>>| fft::ifftshift(&x, dim.as_deref()));
    ops.op("aten::fft_fftfreq(int n, float d=1., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("The frequencies of the points of `fft`.").kernel(
        |n: i64, d: f64, dtype: Option<DType>, _layout: Option<i64>, _device: Option<Device>, _pin: Option<bool>| {
            fft::fftfreq(n, d, dtype.unwrap_or(DType::Float))
        },
    );
    ops.op("aten::fft_rfftfreq(int n, float d=1., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("The frequencies of the points of `rfft`.").kernel(
        |n: i64, d: f64, dtype: Option<DType>, _layout: Option<i64>, _device: Option<Device>, _pin: Option<bool>| {
            fft::rfftfreq(n, d, dtype.unwrap_or(DType::Float))
        },
    );
}

fn dims(x: &Tensor, dim: &[i64]) -> Result<Vec<usize>> {
    if x.dim() == 0 && !dim.is_empty() {
        bail!("Dimension specified as {} but tensor has no dimensions", dim[0]);
    }
    dim.iter()
        .map(|&d| flambeau_tensor::layout::wrap_dim(d, x.dim()))
        .collect()
}

fn primitives(ops: &mut Rows) {
    ops.op("aten::_fft_c2c(Tensor self, SymInt[] dim, int normalization, bool forward) -> Tensor")
        .doc("The complex transform over dimensions.")
        .kernel(|x: Tensor, dim: Vec<i64>, norm: i64, forward: bool| {
            fft::c2c(&x, &dims(&x, &dim)?, Norm::from_code(norm)?, forward)
        });
    ops.op("aten::_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor")
        .doc("The transform of a real signal over dimensions.")
        .kernel(|x: Tensor, dim: Vec<i64>, norm: i64, onesided: bool| {
            fft::r2c(&x, &dims(&x, &dim)?, Norm::from_code(norm)?, onesided)
        });
    ops.op("aten::_fft_c2r(Tensor self, int[] dim, int normalization, SymInt last_dim_size) -> Tensor")
        .doc("The transform to a real signal over dimensions.")
        .kernel(|x: Tensor, dim: Vec<i64>, norm: i64, last: i64| {
            let Ok(last) = usize::try_from(last) else {
                bail!("Invalid number of data points ({last}) specified")
            };
            fft::c2r(&x, &dims(&x, &dim)?, Norm::from_code(norm)?, last)
        });
}

fn short_time(ops: &mut Rows) {
    let doc = "The Fourier transforms of overlapping frames of a signal.";
    ops.op("aten::stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor").doc(doc).kernel(
        |x: Tensor,
         n_fft: i64,
         hop_length: Option<i64>,
         win_length: Option<i64>,
         window: Option<Tensor>,
         normalized: bool,
         onesided: Option<bool>,
         return_complex: Option<bool>,
         _align_to_window: Option<bool>| {
            let window = window.as_ref();
            stft(&x, Stft { n_fft, hop_length, win_length, window, normalized, onesided }, return_complex)
        },
    );
    ops.op("aten::stft.center(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, str pad_mode=\"reflect\", bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor").doc(doc).kernel(
        |x: Tensor,
         n_fft: i64,
         hop_length: Option<i64>,
         win_length: Option<i64>,
         window: Option<Tensor>,
         center: bool,
         pad_mode: Arc<str>,
         normalized: bool,
         onesided: Option<bool>,
         return_complex: Option<bool>,
         _align_to_window: Option<bool>| {
            let window = window.as_ref();
            let x = if center { center_pad(&x, n_fft, &pad_mode)? } else { x };
            stft(&x, Stft { n_fft, hop_length, win_length, window, normalized, onesided }, return_complex)
        },
    );
    ops.op("aten::istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, bool normalized=False, bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor").doc("The signal whose `stft` is nearest to the input.").kernel(
        |x: Tensor,
         n_fft: i64,
         hop_length: Option<i64>,
         win_length: Option<i64>,
         window: Option<Tensor>,
         center: bool,
         normalized: bool,
         onesided: Option<bool>,
         length: Option<i64>,
         return_complex: bool| {
            let window = window.as_ref();
            let args = Stft { n_fft, hop_length, win_length, window, normalized, onesided };
            istft(&x, args, center, length, return_complex)
        },
    );
}

fn windows(ops: &mut Rows) {
    type Window = fn(i64, bool, DType) -> Result<Tensor>;
    const ROWS: &[(&str, &str, &str, Window)] = &[
        (
            "aten::hann_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::hann_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "The Hann window.",
            window::hann_window,
        ),
        (
            "aten::blackman_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::blackman_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "The Blackman window.",
            window::blackman_window,
        ),
        (
            "aten::bartlett_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::bartlett_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "The Bartlett window.",
            window::bartlett_window,
        ),
        (
            "aten::hamming_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::hamming_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "The Hamming window.",
            |n, periodic, dtype| window::hamming_window(n, periodic, 0.54, 0.46, dtype),
        ),
        (
            "aten::kaiser_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::kaiser_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "The Kaiser window.",
            |n, periodic, dtype| window::kaiser_window(n, periodic, 12.0, dtype),
        ),
    ];
    for &(plain, periodic, doc, window) in ROWS {
        ops.op(plain).doc(doc).kernel(
            move |n: i64,
                  dtype: Option<DType>,
                  _layout: Option<i64>,
                  _device: Option<Device>,
                  _pin: Option<bool>| { window(n, true, dtype.unwrap_or(DType::Float)) },
        );
        ops.op(periodic).doc(doc).kernel(
            move |n: i64,
                  periodic: bool,
                  dtype: Option<DType>,
                  _layout: Option<i64>,
                  _device: Option<Device>,
                  _pin: Option<bool>| window(n, periodic, dtype.unwrap_or(DType::Float)),
        );
    }
    ops.op("aten::hamming_window.periodic_alpha(int window_length, bool periodic, float alpha, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("The Hamming window with its own `alpha`.").kernel(
        |n: i64,
         periodic: bool,
         alpha: f64,
         dtype: Option<DType>,
         _layout: Option<i64>,
         _device: Option<Device>,
         _pin: Option<bool>| {
            window::hamming_window(n, periodic, alpha, 0.46, dtype.unwrap_or(DType::Float))
        },
    );
    ops.op("aten::hamming_window.periodic_alpha_beta(int window_length, bool periodic, float alpha, float beta, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("The Hamming window with its own `alpha` and `beta`.").kernel(
        |n: i64,
         periodic: bool,
         alpha: f64,
         beta: f64,
         dtype: Option<DType>,
         _layout: Option<i64>,
         _device: Option<Device>,
         _pin: Option<bool>| {
            window::hamming_window(n, periodic, alpha, beta, dtype.unwrap_or(DType::Float))
        },
    );
    ops.op("aten::kaiser_window.beta(int window_length, bool periodic, float beta, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("The Kaiser window with its own `beta`.").kernel(
        |n: i64,
         periodic: bool,
         beta: f64,
         dtype: Option<DType>,
         _layout: Option<i64>,
         _device: Option<Device>,
         _pin: Option<bool>| { window::kaiser_window(n, periodic, beta, dtype.unwrap_or(DType::Float)) },
    );
}
