//! Random numbers: the same as PyTorch's for the same seed.
//!
//! Operators without a generator draw from the one of the running context, which `manual_seed` seeds.

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::value::{Device, GeneratorHandle};
use flambeau_tensor::pointwise::{add, mul};
use flambeau_tensor::random::Generator;
use flambeau_tensor::random::tensor::{self as r, Dropout};
use flambeau_tensor::{DType, MemoryFormat, Result, Scalar, Tensor, ensure, pointwise};

/// Runs `body` with the generator that was passed, or the context's.
fn with<T>(ctx: &Context, given: Option<GeneratorHandle>, body: impl FnOnce(&mut Generator) -> T) -> T {
    match given {
        Some(generator) => body(&mut generator.lock()),
        None => body(&mut ctx.generator.lock()),
    }
}

pub fn declare(ops: &mut Rows) {
    factories(ops);
    integers(ops);
    like(ops);
    in_place(ops);
    functional(ops);
    bernoulli(ops);
    normal(ops);
    samples(ops);
    dropout(ops);
}

/// What factories take after their own arguments.
type Layout = Option<i64>;
type Pin = Option<bool>;

fn float(dtype: Option<DType>) -> DType {
    dtype.unwrap_or(DType::Float)
}

type Fill = fn(&Tensor, &mut Generator) -> Result<()>;

fn unit_uniform(out: &Tensor, g: &mut Generator) -> Result<()> {
    r::uniform_(out, 0.0, 1.0, g)
}

fn standard_normal(out: &Tensor, g: &mut Generator) -> Result<()> {
    r::normal_(out, 0.0, 1.0, g)
}

/// A new tensor, filled.
fn filled(
    ctx: &Context,
    out: Result<Tensor>,
    g: Option<GeneratorHandle>,
    fill: impl FnOnce(&Tensor, &mut Generator) -> Result<()>,
) -> Result<Tensor> {
    let out = out?;
    with(ctx, g, |g| fill(&out, g))?;
    Ok(out)
}

fn factories(ops: &mut Rows) {
    let rows: [(&str, &str, &str, Fill); 2] = [
        (
            "aten::rand(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::rand.generator(SymInt[] size, *, Generator? generator, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "Uniform numbers in `[0, 1)`.",
            unit_uniform,
        ),
        (
            "aten::randn(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "aten::randn.generator(SymInt[] size, *, Generator? generator, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor",
            "Standard normal numbers.",
            standard_normal,
        ),
    ];
    for (schema, with_generator, doc, fill) in rows {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context,
                  size: Vec<i64>,
                  dtype: Option<DType>,
                  _l: Layout,
                  _d: Option<Device>,
                  _p: Pin| { filled(ctx, Tensor::empty(&size, float(dtype)), None, fill) },
        );
        ops.op(with_generator).doc(doc).kernel(
            move |ctx: &Context,
                  size: Vec<i64>,
                  g: Option<GeneratorHandle>,
                  dtype: Option<DType>,
                  _l: Layout,
                  _d: Option<Device>,
                  _p: Pin| filled(ctx, Tensor::empty(&size, float(dtype)), g, fill),
        );
    }
    let doc = "The integers below `n` in random order.";
    ops.op("aten::randperm(SymInt n, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context, n: i64, dtype: Option<DType>, _l: Layout, _d: Option<Device>, _p: Pin| {
            with(ctx, None, |g| r::randperm(n, dtype.unwrap_or(DType::Long), g))
        },
    );
    ops.op("aten::randperm.generator(SymInt n, *, Generator? generator, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         n: i64,
         g: Option<GeneratorHandle>,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin| with(ctx, g, |g| r::randperm(n, dtype.unwrap_or(DType::Long), g)),
    );
}

fn randint(
    ctx: &Context,
    (low, high): (i64, i64),
    size: &[i64],
    dtype: Option<DType>,
    g: Option<GeneratorHandle>,
) -> Result<Tensor> {
    let out = Tensor::empty(size, dtype.unwrap_or(DType::Long));
    filled(ctx, out, g, |out, g| r::random_from_to_(out, low, Some(high), g))
}

fn integers(ops: &mut Rows) {
    let doc = "Integers between `low` (or 0) and `high`, which is left out.";
    ops.op("aten::randint(SymInt high, SymInt[] size, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context, high: i64, size: Vec<i64>, dtype: Option<DType>, _l: Layout, _d: Option<Device>, _p: Pin| {
            randint(ctx, (0, high), &size, dtype, None)
        },
    );
    ops.op("aten::randint.generator(SymInt high, SymInt[] size, *, Generator? generator, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         high: i64,
         size: Vec<i64>,
         g: Option<GeneratorHandle>,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin| randint(ctx, (0, high), &size, dtype, g),
    );
    ops.op("aten::randint.low(SymInt low, SymInt high, SymInt[] size, *, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         low: i64,
         high: i64,
         size: Vec<i64>,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin| randint(ctx, (low, high), &size, dtype, None),
    );
    ops.op("aten::randint.low_generator(SymInt low, SymInt high, SymInt[] size, *, Generator? generator, ScalarType? dtype=4, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         low: i64,
         high: i64,
         size: Vec<i64>,
         g: Option<GeneratorHandle>,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin| randint(ctx, (low, high), &size, dtype, g),
    );
}

/// An empty tensor in the image of `x`.
fn empty_like(x: &Tensor, dtype: Option<DType>, format: Option<i64>) -> Result<Tensor> {
    let format = format
        .and_then(MemoryFormat::from_code)
        .unwrap_or(MemoryFormat::Preserve);
    x.empty_like(dtype, format)
}

/// What is filled: the tensor itself, or a fresh one in its image.
fn target(x: Tensor, fresh: bool) -> Result<Tensor> {
    if fresh { empty_like(&x, None, None) } else { Ok(x) }
}

fn like(ops: &mut Rows) {
    ops.op("aten::rand_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor").doc("Uniform numbers in `[0, 1)` in the shape of the input.").kernel(
        |ctx: &Context, x: Tensor, dtype: Option<DType>, _l: Layout, _d: Option<Device>, _p: Pin, f: Option<i64>| {
            filled(ctx, empty_like(&x, dtype, f), None, unit_uniform)
        },
    );
    ops.op("aten::randn_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor").doc("Standard normal numbers in the shape of the input.").kernel(
        |ctx: &Context, x: Tensor, dtype: Option<DType>, _l: Layout, _d: Option<Device>, _p: Pin, f: Option<i64>| {
            filled(ctx, empty_like(&x, dtype, f), None, standard_normal)
        },
    );
    let doc = "Integers below `high` in the shape of the input.";
    ops.op("aten::randint_like(Tensor self, SymInt high, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         x: Tensor,
         high: i64,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin,
         f: Option<i64>| {
            let out = empty_like(&x, dtype, f);
            filled(ctx, out, None, |out, g| r::random_from_to_(out, 0, Some(high), g))
        },
    );
    ops.op("aten::randint_like.low_dtype(Tensor self, SymInt low, SymInt high, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor").doc(doc).kernel(
        |ctx: &Context,
         x: Tensor,
         low: i64,
         high: i64,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin,
         f: Option<i64>| {
            let out = empty_like(&x, dtype, f);
            filled(ctx, out, None, |out, g| r::random_from_to_(out, low, Some(high), g))
        },
    );
}

/// Fills with two parameters: in place, and into a new tensor.
fn in_place(ops: &mut Rows) {
    type Fill = fn(&Tensor, f64, f64, &mut Generator) -> Result<()>;
    const ROWS: &[(&str, &str, &str, Fill)] = &[
        (
            "aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)",
            "aten::uniform(Tensor self, float from=0., float to=1., *, Generator? generator=None) -> Tensor",
            "Fills with uniform numbers in `[from, to)`.",
            r::uniform_,
        ),
        (
            "aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)",
            "aten::normal_functional(Tensor self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor",
            "Fills with normal numbers.",
            r::normal_,
        ),
        (
            "aten::cauchy_(Tensor(a!) self, float median=0., float sigma=1., *, Generator? generator=None) -> Tensor(a!)",
            "aten::cauchy(Tensor self, float median=0., float sigma=1., *, Generator? generator=None) -> Tensor",
            "Fills with numbers of the Cauchy distribution.",
            r::cauchy_,
        ),
        (
            "aten::log_normal_(Tensor(a!) self, float mean=1., float std=2., *, Generator? generator=None) -> Tensor(a!)",
            "aten::log_normal(Tensor self, float mean=1., float std=2., *, Generator? generator=None) -> Tensor",
            "Fills with numbers whose logarithms are normal.",
            r::log_normal_,
        ),
    ];
    for &(written, made, doc, fill) in ROWS {
        ops.op(written).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, a: f64, b: f64, g: Option<GeneratorHandle>| {
                with(ctx, g, |g| fill(&x, a, b, g))?;
                Ok(x)
            },
        );
        ops.op(made).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, a: f64, b: f64, g: Option<GeneratorHandle>| {
                filled(ctx, empty_like(&x, None, None), g, |out, g| fill(out, a, b, g))
            },
        );
    }
    type FillOne = fn(&Tensor, f64, &mut Generator) -> Result<()>;
    const SINGLE: &[(&str, &str, &str, FillOne)] = &[
        (
            "aten::exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)",
            "aten::exponential(Tensor self, float lambd=1., *, Generator? generator=None) -> Tensor",
            "Fills with exponentially distributed numbers.",
            r::exponential_,
        ),
        (
            "aten::geometric_(Tensor(a!) self, float p, *, Generator? generator=None) -> Tensor(a!)",
            "aten::geometric(Tensor self, float p, *, Generator? generator=None) -> Tensor",
            "Fills with numbers of trials up to the first success.",
            r::geometric_,
        ),
    ];
    for &(written, made, doc, fill) in SINGLE {
        ops.op(written).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, a: f64, g: Option<GeneratorHandle>| {
                with(ctx, g, |g| fill(&x, a, g))?;
                Ok(x)
            },
        );
        ops.op(made).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, a: f64, g: Option<GeneratorHandle>| {
                filled(ctx, empty_like(&x, None, None), g, |out, g| fill(out, a, g))
            },
        );
    }
}

fn functional(ops: &mut Rows) {
    let doc = "Fills with random integers: every value that the dtype counts to.";
    for (schema, fresh) in [
        (
            "aten::random_(Tensor(a!) self, *, Generator? generator=None) -> Tensor(a!)",
            false,
        ),
        (
            "aten::random(Tensor self, *, Generator? generator=None) -> Tensor",
            true,
        ),
    ] {
        ops.op(schema)
            .doc(doc)
            .kernel(move |ctx: &Context, x: Tensor, g: Option<GeneratorHandle>| {
                filled(ctx, target(x, fresh), g, |out, g| r::random_(out, g))
            });
    }
    let doc = "Fills with random integers between `from` (or 0) and `to`, which is left out.";
    for (schema, fresh) in [
        (
            "aten::random_.to(Tensor(a!) self, int to, *, Generator? generator=None) -> Tensor(a!)",
            false,
        ),
        (
            "aten::random.to(Tensor self, int to, *, Generator? generator=None) -> Tensor",
            true,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, to: i64, g: Option<GeneratorHandle>| {
                filled(ctx, target(x, fresh), g, |out, g| {
                    r::random_from_to_(out, 0, Some(to), g)
                })
            },
        );
    }
    for (schema, fresh) in [
        (
            "aten::random_.from(Tensor(a!) self, int from, int? to, *, Generator? generator=None) -> Tensor(a!)",
            false,
        ),
        (
            "aten::random.from(Tensor self, int from, int? to, *, Generator? generator=None) -> Tensor",
            true,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, from: i64, to: Option<i64>, g: Option<GeneratorHandle>| {
                filled(ctx, target(x, fresh), g, |out, g| {
                    r::random_from_to_(out, from, to, g)
                })
            },
        );
    }
}

fn bernoulli(ops: &mut Rows) {
    let doc = "Ones with the given probability, zeros otherwise.";
    ops.op("aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor")
        .doc(doc)
        .kernel(|ctx: &Context, p: Tensor, g: Option<GeneratorHandle>| {
            let out = empty_like(&p, None, Some(MemoryFormat::Contiguous.code()))?;
            with(ctx, g, |g| r::bernoulli_tensor_(&out, &p, g))?;
            Ok(out)
        });
    for (schema, fresh) in [
        (
            "aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)",
            false,
        ),
        (
            "aten::bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
            true,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, p: f64, g: Option<GeneratorHandle>| {
                let out = if fresh {
                    empty_like(&x, None, Some(MemoryFormat::Contiguous.code()))
                } else {
                    Ok(x)
                };
                filled(ctx, out, g, |out, g| r::bernoulli_(out, p, g))
            },
        );
    }
    for (schema, fresh) in [
        (
            "aten::bernoulli_.Tensor(Tensor(a!) self, Tensor p, *, Generator? generator=None) -> Tensor(a!)",
            false,
        ),
        (
            "aten::bernoulli.Tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
            true,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context, x: Tensor, p: Tensor, g: Option<GeneratorHandle>| {
                let out = if fresh {
                    empty_like(&x, None, Some(MemoryFormat::Contiguous.code()))
                } else {
                    Ok(x)
                };
                filled(ctx, out, g, |out, g| r::bernoulli_tensor_(out, &p, g))
            },
        );
    }
}

fn normal(ops: &mut Rows) {
    fn check_std(std: &Tensor) -> Result<()> {
        ensure!(
            !std.is_complex(),
            "normal expects standard deviation to be non-complex"
        );
        let negative = std.to_vec::<f64>()?.iter().any(|s| *s < 0.0);
        ensure!(!negative, "normal expects all elements of std >= 0.0");
        Ok(())
    }
    let doc = "Normal numbers with their own mean and deviation each.";
    ops.op("aten::normal.Tensor_Tensor(Tensor mean, Tensor std, *, Generator? generator=None) -> Tensor")
        .doc(doc)
        .kernel(
            |ctx: &Context, mean: Tensor, std: Tensor, g: Option<GeneratorHandle>| {
                check_std(&std)?;
                let sizes = flambeau_tensor::layout::broadcast_shapes(mean.sizes(), std.sizes())?;
                let out = Tensor::empty(&sizes, mean.dtype())?;
                with(ctx, g, |g| r::normal_(&out, 0.0, 1.0, g))?;
                let scaled = mul((&out).into(), (&std).into())?;
                add((&scaled).into(), (&mean).into(), 1.into())?.to_dtype(mean.dtype())
            },
        );
    ops.op("aten::normal.Tensor_float(Tensor mean, float std=1., *, Generator? generator=None) -> Tensor")
        .doc(doc)
        .kernel(
            |ctx: &Context, mean: Tensor, std: f64, g: Option<GeneratorHandle>| {
                let out = empty_like(&mean, None, Some(MemoryFormat::Contiguous.code()))?;
                with(ctx, g, |g| r::normal_(&out, 0.0, std, g))?;
                add((&out).into(), (&mean).into(), 1.into())
            },
        );
    ops.op("aten::normal.float_Tensor(float mean, Tensor std, *, Generator? generator=None) -> Tensor")
        .doc(doc)
        .kernel(
            |ctx: &Context, mean: f64, std: Tensor, g: Option<GeneratorHandle>| {
                check_std(&std)?;
                let out = empty_like(&std, None, Some(MemoryFormat::Contiguous.code()))?;
                with(ctx, g, |g| r::normal_(&out, 0.0, 1.0, g))?;
                add(
                    (&mul((&out).into(), (&std).into())?).into(),
                    mean.into(),
                    1.into(),
                )
            },
        );
    ops.op("aten::normal.float_float(float mean, float std, SymInt[] size, *, Generator? generator=None, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor").doc("Normal numbers.").kernel(
        |ctx: &Context,
         mean: f64,
         std: f64,
         size: Vec<i64>,
         g: Option<GeneratorHandle>,
         dtype: Option<DType>,
         _l: Layout,
         _d: Option<Device>,
         _p: Pin| {
            let out = Tensor::empty(&size, float(dtype))?;
            with(ctx, g, |g| r::normal_(&out, mean, std, g))?;
            Ok(out)
        },
    );
}

fn samples(ops: &mut Rows) {
    ops.op("aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor").doc("Indices drawn with the probabilities that the rows give.").kernel(
        |ctx: &Context, x: Tensor, n: i64, replacement: bool, g: Option<GeneratorHandle>| {
            with(ctx, g, |g| r::multinomial(&x, n, replacement, g))
        },
    );
    type Sample = fn(&Tensor, &mut Generator) -> Result<Tensor>;
    const ROWS: &[(&str, &str, Sample)] = &[
        (
            "aten::poisson(Tensor self, Generator? generator=None) -> Tensor",
            "Numbers of events at the given rates.",
            r::poisson,
        ),
        (
            "aten::_standard_gamma(Tensor self, Generator? generator=None) -> Tensor",
            "Numbers of the gamma distribution of the given shapes.",
            r::standard_gamma,
        ),
        (
            "aten::_sample_dirichlet(Tensor self, Generator? generator=None) -> Tensor",
            "Points of the simplex from the Dirichlet distribution.",
            r::sample_dirichlet,
        ),
    ];
    for &(schema, doc, sample) in ROWS {
        ops.op(schema)
            .doc(doc)
            .kernel(move |ctx: &Context, x: Tensor, g: Option<GeneratorHandle>| {
                with(ctx, g, |g| sample(&x, g))
            });
    }
    ops.op("aten::binomial(Tensor count, Tensor prob, Generator? generator=None) -> Tensor")
        .doc("Numbers of successes among `count` trials.")
        .kernel(
            |ctx: &Context, count: Tensor, prob: Tensor, g: Option<GeneratorHandle>| {
                with(ctx, g, |g| r::binomial(&count, &prob, g))
            },
        );
    let doc = "Leaky ReLU with random slopes while training, with the middle slope otherwise.";
    for (schema, in_place) in [
        (
            "aten::rrelu(Tensor self, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, Generator? generator=None) -> Tensor",
            false,
        ),
        (
            "aten::rrelu_(Tensor(a!) self, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, Generator? generator=None) -> Tensor(a!)",
            true,
        ),
    ] {
        ops.op(schema).doc(doc).kernel(
            move |ctx: &Context,
                  x: Tensor,
                  lower: Scalar,
                  upper: Scalar,
                  training: bool,
                  g: Option<GeneratorHandle>| {
                let (lower, upper) = (lower.to_f64(), upper.to_f64());
                if lower > upper {
                    return Err(crate::values::error(
                        "Lower bound should be less than or equal to the upper bound",
                    ));
                }
                let out = if training {
                    with(ctx, g, |g| r::rrelu(&x, lower, upper, g))?.1
                } else {
                    pointwise::leaky_relu(&x, ((lower + upper) / 2.0).into())?
                };
                if !in_place {
                    return Ok(out);
                }
                x.copy_(&out)?;
                Ok(x)
            },
        );
    }
}

fn dropout(ops: &mut Rows) {
    const ROWS: &[(&str, &str, &str, Dropout)] = &[
        (
            "aten::dropout(Tensor input, float p, bool train) -> Tensor",
            "aten::dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)",
            "Zeroes elements with probability `p` and scales the others up.",
            Dropout::Elements,
        ),
        (
            "aten::feature_dropout(Tensor input, float p, bool train) -> Tensor",
            "aten::feature_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)",
            "Dropout of whole channels.",
            Dropout::Features,
        ),
        (
            "aten::alpha_dropout(Tensor input, float p, bool train) -> Tensor",
            "aten::alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)",
            "Dropout that keeps mean and variance.",
            Dropout::Alpha,
        ),
        (
            "aten::feature_alpha_dropout(Tensor input, float p, bool train) -> Tensor",
            "aten::feature_alpha_dropout_(Tensor(a!) self, float p, bool train) -> Tensor(a!)",
            "Dropout of whole channels that keeps mean and variance.",
            Dropout::AlphaFeatures,
        ),
    ];
    for &(made, written, doc, kind) in ROWS {
        ops.op(made)
            .doc(doc)
            .kernel(move |ctx: &Context, x: Tensor, p: f64, train: bool| {
                with(ctx, None, |g| r::dropout(&x, p, train, kind, g))
            });
        ops.op(written)
            .doc(doc)
            .kernel(move |ctx: &Context, x: Tensor, p: f64, train: bool| {
                let out = with(ctx, None, |g| r::dropout(&x, p, train, kind, g))?;
                if !out.is_same(&x) {
                    x.copy_(&out)?;
                }
                Ok(x)
            });
    }
    ops.op("aten::native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)")
        .doc("Dropout, and the mask of the elements kept.")
        .kernel(|ctx: &Context, x: Tensor, p: f64, train: Option<bool>| {
            with(ctx, None, |g| r::native_dropout(&x, p, train.unwrap_or(true), g))
        });
    ops.op("aten::native_dropout_backward(Tensor grad_output, Tensor mask, float scale) -> Tensor")
        .doc("The gradient of `native_dropout`.")
        .kernel(|grad: Tensor, mask: Tensor, scale: f64| {
            let kept = mul((&grad).into(), (&mask).into())?;
            mul((&kept).into(), scale.into())
        });
    for (schema, in_place) in [
        (
            "aten::rrelu_with_noise(Tensor self, Tensor(b!) noise, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, Generator? generator=None) -> Tensor",
            false,
        ),
        (
            "aten::rrelu_with_noise_(Tensor(a!) self, Tensor(b!) noise, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool training=False, Generator? generator=None) -> Tensor(a!)",
            true,
        ),
    ] {
        ops.op(schema)
            .doc("`rrelu` that leaves its slopes in `noise`.")
            .kernel(
                move |ctx: &Context,
                      x: Tensor,
                      noise: Tensor,
                      lower: Scalar,
                      upper: Scalar,
                      training: bool,
                      g: Option<GeneratorHandle>| {
                    let (lower, upper) = (lower.to_f64(), upper.to_f64());
                    let out = if training {
                        let (slopes, out) = with(ctx, g, |g| r::rrelu(&x, lower, upper, g))?;
                        noise.copy_(&slopes)?;
                        out
                    } else {
                        pointwise::leaky_relu(&x, ((lower + upper) / 2.0).into())?
                    };
                    if !in_place {
                        return Ok(out);
                    }
                    x.copy_(&out)?;
                    Ok(x)
                },
            );
    }
}
