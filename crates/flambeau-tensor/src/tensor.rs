//! `Tensor`: a shared handle on sizes, strides, offset and dtype over a [`Storage`], and access to its elements.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{self, Dims, MemoryFormat, show, wrap_dim};
use crate::scalar::Scalar;
use crate::storage::{Access, PreparedKey, Storage};
use crate::{bail, ensure};

/// Where a tensor lives. Only the CPU today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Device {
    #[default]
    Cpu,
}

/// How the integers of a quantised tensor stand for real numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantizer {
    PerTensor {
        scale: f64,
        zero_point: i64,
    },
    PerChannel {
        scales: Vec<f64>,
        zero_points: Vec<i64>,
        axis: usize,
    },
}

/// Everything that says where the elements are. Immutable; metadata operations in place append a new one.
#[derive(Clone, Debug)]
pub struct Meta {
    storage: Arc<Storage>,
    sizes: Dims,
    strides: Dims,
    /// in elements
    offset: i64,
    dtype: DType,
    numel: i64,
    contiguous: bool,
    quantizer: Option<Arc<Quantizer>>,
}

impl Meta {
    /// Checks that every element lies within the storage.
    pub fn new(storage: Arc<Storage>, sizes: Dims, strides: Dims, offset: i64, dtype: DType) -> Result<Meta> {
        ensure!(
            sizes.len() == strides.len(),
            "mismatch in length of strides and shape: {} and {}",
            show(&strides),
            show(&sizes)
        );
        let numel = layout::checked_numel(&sizes)?;
        if let Some((low, high)) = layout::extent(&sizes, &strides)? {
            let item = dtype.size() as i64;
            let end = high
                .checked_add(offset)
                .and_then(|e| e.checked_add(1))
                .and_then(|e| e.checked_mul(item));
            let fits = low.checked_add(offset).is_some_and(|l| l >= 0)
                && end.is_some_and(|e| e as u64 <= storage.nbytes() as u64);
            ensure!(
                fits,
                "setStorage: sizes {}, strides {}, storage offset {offset}, and itemsize {item} requiring a storage \
                 size of {} are out of bounds for storage of size {}",
                show(&sizes),
                show(&strides),
                end.map_or("more than 2^63".to_string(), |e| e.to_string()),
                storage.nbytes()
            );
        } else {
            ensure!(offset >= 0, "storage offset must not be negative, found {offset}");
        }
        let contiguous = layout::is_contiguous(&sizes, &strides, MemoryFormat::Contiguous);
        Ok(Meta {
            storage,
            sizes,
            strides,
            offset,
            dtype,
            numel,
            contiguous,
            quantizer: None,
        })
    }

    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }
    pub fn sizes(&self) -> &[i64] {
        &self.sizes
    }
    pub fn strides(&self) -> &[i64] {
        &self.strides
    }
    pub fn offset(&self) -> i64 {
        self.offset
    }
    pub fn dtype(&self) -> DType {
        self.dtype
    }
    pub fn numel(&self) -> i64 {
        self.numel
    }

    pub(crate) fn with_quantizer_of(mut self, other: &Meta) -> Meta {
        self.quantizer = other.quantizer.clone();
        self
    }

    /// Row-major without gaps.
    pub fn is_plain(&self) -> bool {
        self.contiguous
    }

    /// Address of the first element. Dereferencing needs access to the storage.
    pub fn ptr(&self) -> *mut u8 {
        if self.numel == 0 {
            return self.storage.as_ptr();
        }
        self.storage
            .as_ptr()
            .wrapping_offset(self.offset as isize * self.dtype.size() as isize)
    }
}

type AutogradSlot = Option<Arc<dyn Any + Send + Sync>>;

struct Inner {
    first: Meta,
    /// null, or the newest entry of `later`
    latest: AtomicPtr<Meta>,
    /// what in-place metadata operations made; never shrinks, so that references into it stay valid
    #[allow(clippy::vec_box)]
    later: Mutex<Vec<Box<Meta>>>,
    requires_grad: AtomicBool,
    has_autograd: AtomicBool,
    autograd: RwLock<AutogradSlot>,
    wrapped_number: AtomicBool,
}

/// A tensor. Cloning shares the same tensor object; see [`Tensor::copy`] for new memory.
#[derive(Clone)]
pub struct Tensor(Arc<Inner>);

impl From<Meta> for Tensor {
    fn from(first: Meta) -> Tensor {
        Tensor(Arc::new(Inner {
            first,
            latest: AtomicPtr::new(std::ptr::null_mut()),
            later: Mutex::new(Vec::new()),
            requires_grad: AtomicBool::new(false),
            has_autograd: AtomicBool::new(false),
            autograd: RwLock::new(None),
            wrapped_number: AtomicBool::new(false),
        }))
    }
}

impl Tensor {
    /// A tensor over existing storage; the layout is checked against it.
    pub fn from_storage(
        storage: Arc<Storage>,
        sizes: &[i64],
        strides: &[i64],
        offset: i64,
        dtype: DType,
    ) -> Result<Tensor> {
        Ok(Meta::new(storage, sizes.into(), strides.into(), offset, dtype)?.into())
    }

    /// The present layout. Stays readable while `self` is borrowed even if another thread changes the layout.
    #[inline]
    pub fn meta(&self) -> &Meta {
        let latest = self.0.latest.load(Ordering::Acquire);
        if latest.is_null() {
            return &self.0.first;
        }
        // SAFETY: `latest` points into a box in `later`, which lives as long as `self.0` and is never changed.
        unsafe { &*latest }
    }

    /// Replaces the layout for all holders of this tensor object (`resize_`, `squeeze_`, `set_`, …).
    pub fn set_meta(&self, meta: Meta) {
        let mut later = self.0.later.lock();
        later.push(Box::new(meta));
        if let Some(last) = later.last() {
            self.0
                .latest
                .store(std::ptr::from_ref::<Meta>(last).cast_mut(), Ordering::Release);
        }
    }

    /// Whether both are the same tensor object.
    pub fn is_same(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A number that identifies the tensor object while it lives.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// How many handles share this tensor object.
    pub fn handle_count(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Whether no other tensor object and no view reaches this memory, so that it may be reused for a result.
    pub fn is_sole_owner(&self) -> bool {
        Arc::strong_count(&self.0) == 1
            && self.0.latest.load(Ordering::Acquire).is_null()
            && Arc::strong_count(&self.0.first.storage) == 1
    }

    /// Whether elements of both lie in the same memory, where that is easily seen: for dense tensors.
    pub fn overlaps(&self, other: &Tensor) -> bool {
        if !self.shares_storage(other)
            || !self.is_non_overlapping_and_dense()
            || !other.is_non_overlapping_and_dense()
        {
            return false;
        }
        let range = |t: &Tensor| {
            let size = t.dtype().size() as i64;
            let start = t.storage_offset() * size;
            (start, start + t.numel() * size)
        };
        let ((a, a_end), (b, b_end)) = (range(self), range(other));
        a < b_end && b < a_end
    }

    pub fn shares_storage(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(self.storage(), other.storage())
    }

    pub fn storage(&self) -> &Arc<Storage> {
        &self.meta().storage
    }

    pub fn storage_offset(&self) -> i64 {
        self.meta().offset
    }

    pub fn device(&self) -> Device {
        Device::Cpu
    }

    pub fn dtype(&self) -> DType {
        self.meta().dtype
    }

    pub fn sizes(&self) -> &[i64] {
        self.meta().sizes()
    }

    pub fn strides(&self) -> &[i64] {
        self.meta().strides()
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.sizes().len()
    }

    pub fn numel(&self) -> i64 {
        self.meta().numel
    }

    pub fn size(&self, dim: i64) -> Result<i64> {
        let sizes = self.sizes();
        let d = wrap_dim(dim, sizes.len())?;
        match sizes.get(d) {
            Some(&s) => Ok(s),
            None => bail!(Index, "Dimension specified as {dim} but tensor has no dimensions"),
        }
    }

    pub fn stride(&self, dim: i64) -> Result<i64> {
        let strides = self.strides();
        let d = wrap_dim(dim, strides.len())?;
        match strides.get(d) {
            Some(&s) => Ok(s),
            None => bail!(Index, "Dimension specified as {dim} but tensor has no dimensions"),
        }
    }

    pub fn is_contiguous(&self) -> bool {
        self.meta().contiguous
    }

    pub fn is_contiguous_as(&self, format: MemoryFormat) -> bool {
        let m = self.meta();
        layout::is_contiguous(&m.sizes, &m.strides, format)
    }

    pub fn is_non_overlapping_and_dense(&self) -> bool {
        let m = self.meta();
        m.contiguous || layout::is_non_overlapping_and_dense(&m.sizes, &m.strides)
    }

    pub fn suggest_memory_format(&self) -> MemoryFormat {
        layout::suggest_memory_format(self.sizes(), self.strides())
    }

    pub fn is_floating_point(&self) -> bool {
        self.dtype().is_floating_point()
    }

    pub fn is_complex(&self) -> bool {
        self.dtype().is_complex()
    }

    /// Counts writes to the storage, as autograd's `_version`.
    pub fn version(&self) -> u64 {
        self.storage().version()
    }

    pub fn quantizer(&self) -> Option<&Arc<Quantizer>> {
        self.meta().quantizer.as_ref()
    }

    /// The same elements with another quantizer.
    pub fn with_quantizer(&self, quantizer: Option<Arc<Quantizer>>) -> Tensor {
        Meta {
            quantizer,
            ..self.meta().clone()
        }
        .into()
    }

    pub fn requires_grad(&self) -> bool {
        self.0.requires_grad.load(Ordering::Acquire)
    }

    pub fn set_requires_grad(&self, on: bool) {
        self.0.requires_grad.store(on, Ordering::Release);
    }

    /// Room for a differentiating layer: what it hung on this tensor object. Cheap when nothing is.
    pub fn autograd(&self) -> AutogradSlot {
        if !self.0.has_autograd.load(Ordering::Acquire) {
            return None;
        }
        self.0.autograd.read().clone()
    }

    pub fn set_autograd(&self, value: AutogradSlot) {
        let mut slot = self.0.autograd.write();
        self.0.has_autograd.store(value.is_some(), Ordering::Release);
        *slot = value;
    }

    /// Another tensor object over the same storage; the layout is checked.
    pub fn alias(&self, sizes: Dims, strides: Dims, offset: i64) -> Result<Tensor> {
        let m = self.meta();
        let mut meta = Meta::new(m.storage.clone(), sizes, strides, offset, m.dtype)?;
        meta.quantizer = m.quantizer.clone();
        Ok(meta.into())
    }

    /// Whether this is a number of the program in the form of a 0-d tensor: it takes part in the choice of a dtype as
    /// the number would.
    pub fn is_wrapped_number(&self) -> bool {
        self.0.wrapped_number.load(Ordering::Relaxed)
    }

    /// Marks this tensor object, not its views, as [`Tensor::is_wrapped_number`].
    pub fn set_wrapped_number(&self, value: bool) {
        self.0.wrapped_number.store(value, Ordering::Relaxed);
    }

    /// Another tensor object with the same layout and storage, without autograd (`detach`).
    pub fn detach(&self) -> Tensor {
        self.meta().clone().into()
    }

    /// A prepared form of this tensor's data; see [`Storage::prepared`]. The layout becomes part of the key.
    pub fn prepared<T: Any + Send + Sync>(
        &self,
        tag: &'static str,
        parameters: &[i64],
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let m = self.meta();
        let mut detail: SmallVec<[i64; 12]> = SmallVec::new();
        detail.extend([m.dtype.code(), m.offset, m.sizes.len() as i64]);
        detail.extend_from_slice(&m.sizes);
        detail.extend_from_slice(&m.strides);
        detail.extend_from_slice(parameters);
        m.storage.prepared(PreparedKey { tag, detail }, make)
    }

    /// Access to several tensors at once; then their `meta().ptr()` may be used accordingly.
    pub fn access<'a>(reads: &[&'a Tensor], writes: &[&'a Tensor]) -> Result<Access<'a>> {
        Access::take(
            reads.iter().map(|t| &**t.storage()),
            writes.iter().map(|t| &**t.storage()),
        )
    }

    /// Shared access to the elements.
    pub fn read(&self) -> Result<Read<'_>> {
        let meta = self.meta();
        Ok(Read {
            meta,
            _access: Access::take([&*meta.storage], [])?,
        })
    }

    /// Exclusive access to the elements. Do not hold it while asking for access to other tensors.
    pub fn write(&self) -> Result<Write<'_>> {
        let meta = self.meta();
        Ok(Write {
            meta,
            _access: Access::take([], [&*meta.storage])?,
        })
    }

    /// The single element of a one-element tensor.
    pub fn item(&self) -> Result<Scalar> {
        ensure!(
            self.numel() == 1,
            "a Tensor with {} elements cannot be converted to Scalar",
            self.numel()
        );
        let read = self.read()?;
        // SAFETY: one element exists, and read access is held.
        unsafe { read_scalar(read.meta.ptr(), read.meta.dtype) }
    }

    /// Elements in row-major order as `T`, converting when the dtype differs.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let t = self.to_dtype(T::DTYPE)?.contiguous()?;
        let read = t.read()?;
        Ok(read.slice::<T>()?.to_vec())
    }

    /// Elements in row-major order.
    pub fn to_scalars(&self) -> Result<Vec<Scalar>> {
        let t = self.contiguous()?;
        let read = t.read()?;
        let (p, dtype) = (t.meta().ptr(), t.dtype());
        // SAFETY: contiguous with `numel` elements, and read access is held.
        let all = (0..t.numel() as usize)
            .map(|i| unsafe { read_scalar(p.add(i * dtype.size()), dtype) })
            .collect();
        drop(read);
        all
    }
}

/// # Safety
/// `p` points to a readable element of `dtype` (it need not be aligned).
pub(crate) unsafe fn read_scalar(p: *const u8, dtype: DType) -> Result<Scalar> {
    // SAFETY: by the contract; bool is read as a byte because foreign memory may hold any.
    unsafe {
        if dtype == DType::Bool {
            return Ok(Scalar::Bool(*p != 0));
        }
        if dtype == DType::ComplexHalf {
            let c = p.cast::<num_complex::Complex<half::f16>>().read_unaligned();
            return Ok(Scalar::Complex(num_complex::Complex::new(
                c.re.to_f64(),
                c.im.to_f64(),
            )));
        }
        crate::dispatch!(dtype, "item", T => Ok(p.cast::<T>().read_unaligned().to_scalar()))
    }
}

/// # Safety
/// `p` points to a writable element of `dtype` (it need not be aligned).
pub(crate) unsafe fn write_scalar(p: *mut u8, dtype: DType, value: Scalar) -> Result<()> {
    // SAFETY: by the contract.
    unsafe {
        if dtype == DType::ComplexHalf {
            let c = value.to_complex();
            let c = num_complex::Complex::new(half::f16::from_f64(c.re), half::f16::from_f64(c.im));
            p.cast::<num_complex::Complex<half::f16>>().write_unaligned(c);
            return Ok(());
        }
        crate::dispatch!(dtype, "fill", T => p.cast::<T>().write_unaligned(T::from_scalar(value)));
    }
    Ok(())
}

fn check_slice<T: Element>(meta: &Meta) -> Result<()> {
    ensure!(
        meta.dtype.underlying() == T::DTYPE,
        "expected scalar type {} but found {}",
        T::DTYPE.name(),
        meta.dtype.name()
    );
    let p = meta.ptr() as usize;
    ensure!(
        p.is_multiple_of(align_of::<T>()),
        "the elements of the tensor are not aligned in memory"
    );
    Ok(())
}

fn check_bools(bytes: &[u8]) -> Result<()> {
    ensure!(
        bytes.iter().all(|&b| b < 2),
        "a bool tensor holds bytes other than 0 and 1"
    );
    Ok(())
}

/// Shared access to the elements of one tensor.
pub struct Read<'a> {
    meta: &'a Meta,
    _access: Access<'a>,
}

impl Read<'_> {
    pub fn meta(&self) -> &Meta {
        self.meta
    }

    /// The elements of a contiguous tensor, which must have `T`'s dtype.
    pub fn slice<T: Element>(&self) -> Result<&[T]> {
        ensure!(self.meta.contiguous, "expected a contiguous tensor");
        self.memory::<T>()
    }

    /// The elements of a dense tensor in the order of memory (channels last, say).
    pub fn memory<T: Element>(&self) -> Result<&[T]> {
        check_slice::<T>(self.meta)?;
        let m = self.meta;
        ensure!(
            m.contiguous || layout::is_non_overlapping_and_dense(&m.sizes, &m.strides),
            "expected a dense tensor"
        );
        let n = m.numel as usize;
        if n == 0 {
            return Ok(&[]);
        }
        // SAFETY: dense from `ptr` on, within the storage as checked by `Meta::new`; read access excludes writers.
        unsafe {
            if T::DTYPE == DType::Bool {
                check_bools(std::slice::from_raw_parts(m.ptr(), n))?;
            }
            Ok(std::slice::from_raw_parts(m.ptr().cast::<T>(), n))
        }
    }

    /// All bytes of the storage, whatever part of it the tensor shows.
    pub fn storage_bytes(&self) -> &[u8] {
        let storage = self.meta.storage();
        // SAFETY: a storage's bytes are initialised for its whole length; read access excludes writers.
        unsafe { std::slice::from_raw_parts(storage.as_ptr(), storage.nbytes()) }
    }

    /// Address of the first element, for strided engines.
    pub fn ptr<T: Element>(&self) -> Result<*const T> {
        check_slice::<T>(self.meta)?;
        Ok(self.meta.ptr().cast())
    }
}

/// Exclusive access to the elements of one tensor.
pub struct Write<'a> {
    meta: &'a Meta,
    _access: Access<'a>,
}

impl Write<'_> {
    pub fn meta(&self) -> &Meta {
        self.meta
    }

    /// The elements of a contiguous tensor, which must have `T`'s dtype.
    pub fn slice<T: Element>(&mut self) -> Result<&mut [T]> {
        ensure!(self.meta.contiguous, "expected a contiguous tensor");
        self.memory::<T>()
    }

    /// The elements of a dense tensor in the order of memory.
    pub fn memory<T: Element>(&mut self) -> Result<&mut [T]> {
        check_slice::<T>(self.meta)?;
        let m = self.meta;
        ensure!(
            m.contiguous || layout::is_non_overlapping_and_dense(&m.sizes, &m.strides),
            "expected a dense tensor"
        );
        let n = m.numel as usize;
        if n == 0 {
            return Ok(&mut []);
        }
        // SAFETY: dense from `ptr` on, within the storage as checked by `Meta::new`; write access is exclusive.
        unsafe {
            if T::DTYPE == DType::Bool {
                check_bools(std::slice::from_raw_parts(m.ptr(), n))?;
            }
            Ok(std::slice::from_raw_parts_mut(m.ptr().cast::<T>(), n))
        }
    }

    pub fn ptr<T: Element>(&mut self) -> Result<*mut T> {
        check_slice::<T>(self.meta)?;
        Ok(self.meta.ptr().cast())
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({}, {}", self.dtype().torch_name(), show(self.sizes()))?;
        if self.numel() <= 32
            && let Ok(values) = self.to_scalars()
        {
            let short = matches!(self.dtype(), DType::Float | DType::Half | DType::BFloat16);
            let values: Vec<String> = values
                .iter()
                .map(|v| match v {
                    Scalar::Bool(b) => b.to_string(),
                    Scalar::Int(i) => i.to_string(),
                    Scalar::Float(x) if short => format!("{:?}", *x as f32),
                    Scalar::Float(x) => format!("{x:?}"),
                    Scalar::Complex(c) => format!("{c}"),
                })
                .collect();
            write!(f, ", [{}]", values.join(", "))?;
        }
        f.write_str(")")
    }
}
