//! `flambeau.Tensor`: a handle on a tensor, and its exchange with NumPy, PyTorch and others without copying.

use std::ffi::{CStr, c_void};

use flambeau_tensor::{DType, Scalar, Storage, Tensor};
use num_complex::Complex64;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyDict, PyList, PyTuple};

use crate::error;

/// A tensor.
#[pyclass(name = "Tensor", module = "flambeau", subclass, frozen, weakref)]
pub struct PyTensor(pub Tensor);

/// A number of a tensor as Python has it.
pub fn scalar<'py>(py: Python<'py>, value: Scalar) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Scalar::Bool(b) => b.into_pyobject(py)?.to_owned().into_any(),
        Scalar::Int(i) => i.into_pyobject(py)?.into_any(),
        Scalar::Float(f) => f.into_pyobject(py)?.into_any(),
        Scalar::Complex(c) => complex(py, c).into_any(),
    })
}

pub fn complex(py: Python<'_>, c: Complex64) -> Bound<'_, PyComplex> {
    PyComplex::from_doubles(py, c.re, c.im)
}

/// The letter and the bits of NumPy's and DLPack's dtypes.
fn numpy_code(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::Byte | DType::QUInt8 => "|u1",
        DType::Char | DType::QInt8 => "|i1",
        DType::Short => "<i2",
        DType::Int | DType::QInt32 => "<i4",
        DType::Long => "<i8",
        DType::UInt64 => "<u8",
        DType::Half => "<f2",
        DType::Float => "<f4",
        DType::Double => "<f8",
        DType::ComplexFloat => "<c8",
        DType::ComplexDouble => "<c16",
        DType::Bool => "|b1",
        DType::ComplexHalf | DType::BFloat16 => return None,
    })
}

/// Nested lists of numbers, as `tolist` gives them.
fn nested<'py>(
    py: Python<'py>,
    sizes: &[i64],
    values: &mut dyn Iterator<Item = Scalar>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some((first, rest)) = sizes.split_first() else {
        return match values.next() {
            Some(value) => scalar(py, value),
            None => Err(error::plain("the tensor has fewer elements than its sizes say")),
        };
    };
    let list = PyList::empty(py);
    for _ in 0..*first {
        list.append(nested(py, rest, values)?)?;
    }
    Ok(list.into_any())
}

#[pymethods]
impl PyTensor {
    #[getter]
    fn _sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.sizes())
    }
    #[getter]
    fn _strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.strides())
    }
    /// The dtype's number.
    #[getter]
    fn _dtype(&self) -> i64 {
        self.0.dtype().code()
    }
    #[getter]
    fn requires_grad(&self) -> bool {
        self.0.requires_grad()
    }
    #[pyo3(signature = (on = true))]
    fn requires_grad_<'py>(this: Bound<'py, Self>, on: bool) -> Bound<'py, Self> {
        this.get().0.set_requires_grad(on);
        this
    }
    fn data_ptr(&self) -> usize {
        self.0.meta().ptr() as usize
    }
    fn storage_offset(&self) -> i64 {
        self.0.storage_offset()
    }
    fn _storage_address(&self) -> usize {
        self.0.storage().as_ptr() as usize
    }
    fn _is_same(&self, other: &PyTensor) -> bool {
        self.0.is_same(&other.0)
    }
    fn __len__(&self) -> PyResult<usize> {
        match self.0.sizes().first() {
            Some(len) => Ok(*len as usize),
            None => Err(PyTypeError::new_err("len() of a 0-d tensor")),
        }
    }
    fn item<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        scalar(py, self.0.item().map_err(|e| error::operator(py, &e))?)
    }
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let values = self.0.to_scalars().map_err(|e| error::operator(py, &e))?;
        nested(py, self.0.sizes(), &mut values.into_iter())
    }
    fn _repr(&self, py: Python<'_>) -> PyResult<String> {
        flambeau_tensor::print::format(&self.0).map_err(|e| error::operator(py, &e))
    }

    /// What NumPy reads: the array shares the memory and keeps this tensor alive.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dtype = self.0.dtype();
        let Some(code) = numpy_code(dtype) else {
            let name = dtype.name();
            return Err(PyTypeError::new_err(format!(
                "NumPy has no dtype for `{name}`; convert the tensor first"
            )));
        };
        let item = dtype.size() as i64;
        let strides: Vec<i64> = self.0.strides().iter().map(|s| s * item).collect();
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", code)?;
        interface.set_item("shape", PyTuple::new(py, self.0.sizes())?)?;
        interface.set_item("strides", PyTuple::new(py, strides)?)?;
        interface.set_item("data", (self.0.meta().ptr() as usize, false))?;
        Ok(interface)
    }

    /// A DLPack capsule that shares the memory.
    #[pyo3(signature = (**_options))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        _options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        dlpack(py, &self.0)
    }
    fn __dlpack_device__(&self) -> (i32, i32) {
        (CPU, 0)
    }
}

const CPU: i32 = 1;

// The structures of DLPack's first version, which every library reads.

#[repr(C)]
struct DlTensor {
    data: *mut c_void,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

#[repr(C)]
struct DlManaged {
    tensor: DlTensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut DlManaged)>,
}

/// What a capsule keeps alive.
struct Shared {
    managed: DlManaged,
    shape: Vec<i64>,
    strides: Vec<i64>,
    _tensor: Tensor,
}

const NAME: &CStr = c"dltensor";

unsafe extern "C" fn delete(managed: *mut DlManaged) {
    // SAFETY: `context` was made by `Box::into_raw` in `dlpack`; whoever holds the structure calls this once.
    unsafe { drop(Box::from_raw((*managed).context.cast::<Shared>())) }
}

unsafe extern "C" fn drop_capsule(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this with the capsule; a consumer that took the tensor has renamed it.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, NAME.as_ptr()) == 1 {
            let managed = ffi::PyCapsule_GetPointer(capsule, NAME.as_ptr()).cast::<DlManaged>();
            if !managed.is_null() {
                delete(managed);
            }
        }
    }
}

fn dlpack<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, PyAny>> {
    let (code, bits) = match tensor.dtype() {
        DType::Bool => (6, 8),
        DType::BFloat16 => (4, 16),
        d if d.is_quantized() => return Err(PyTypeError::new_err("DLPack has no quantised dtypes")),
        d if d.is_complex() => (5, d.size() * 8),
        d if d.is_floating_point() => (2, d.size() * 8),
        DType::Byte => (1, 8),
        DType::UInt64 => (1, 64),
        d => (0, d.size() * 8),
    };
    let mut shared = Box::new(Shared {
        managed: DlManaged {
            tensor: DlTensor {
                data: tensor.meta().ptr().cast(),
                device_type: CPU,
                device_id: 0,
                ndim: tensor.dim() as i32,
                code,
                bits: bits as u8,
                lanes: 1,
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
            context: std::ptr::null_mut(),
            deleter: Some(delete),
        },
        shape: tensor.sizes().to_vec(),
        strides: tensor.strides().to_vec(),
        _tensor: tensor.clone(),
    });
    shared.managed.tensor.shape = shared.shape.as_mut_ptr();
    shared.managed.tensor.strides = shared.strides.as_mut_ptr();
    let raw = Box::into_raw(shared);
    // SAFETY: `raw` is alive until `delete` takes it back; the capsule owns it from here on, and Python checks the
    // name before it gives the pointer away.
    unsafe {
        (*raw).managed.context = raw.cast();
        let managed = std::ptr::addr_of_mut!((*raw).managed);
        let capsule = ffi::PyCapsule_New(managed.cast(), NAME.as_ptr(), Some(drop_capsule));
        if capsule.is_null() {
            delete(managed);
        }
        Bound::from_owned_ptr_or_err(py, capsule)
    }
}

/// A tensor over memory of another library, which `owner` keeps alive. `strides` count elements and may be negative
/// (NumPy's); `writable` says whether the memory may be changed.
#[pyfunction]
fn tensor_from_pointer(
    py: Python<'_>,
    owner: Py<PyAny>,
    pointer: usize,
    sizes: Vec<i64>,
    strides: Vec<i64>,
    dtype: i64,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let Some(dtype) = DType::from_code(dtype) else {
        return Err(PyTypeError::new_err(format!("no dtype has the number {dtype}")));
    };
    if sizes.len() != strides.len() || sizes.iter().any(|s| *s < 0) {
        return Err(PyValueError::new_err("sizes and strides do not fit each other"));
    }
    if strides.iter().any(|s| *s < 0) {
        return Err(PyValueError::new_err(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not \
             currently supported. (You can probably work around this by making a copy of your array  with \
             array.copy().)",
        ));
    }
    let mut last: i64 = 0;
    for (size, stride) in sizes.iter().zip(&strides) {
        let reach = (size - 1)
            .max(0)
            .checked_mul(*stride)
            .and_then(|r| last.checked_add(r));
        last = reach.ok_or_else(|| PyValueError::new_err("the tensor is too large"))?;
    }
    let is_empty = sizes.contains(&0);
    let bytes = (last as u64 + 1)
        .checked_mul(dtype.size() as u64)
        .and_then(|b| usize::try_from(b).ok());
    let bytes = bytes.ok_or_else(|| PyValueError::new_err("the tensor is too large"))?;
    if pointer == 0 && !is_empty {
        return Err(PyValueError::new_err("the tensor has no memory"));
    }
    if !pointer.is_multiple_of(dtype.size().min(16)) {
        return Err(PyValueError::new_err("the memory is not aligned for its dtype"));
    }
    // SAFETY: `owner` (an array or tensor of the other library) keeps the memory alive and says where it lies and how
    // far it extends. As with every exchange of this kind, the other library's writers must be quiet during a call.
    let storage = unsafe {
        Storage::foreign(
            pointer as *mut u8,
            if is_empty { 0 } else { bytes },
            Box::new(Owner(Some(owner))),
        )
    };
    let tensor =
        Tensor::from_storage(storage, &sizes, &strides, 0, dtype).map_err(|e| error::operator(py, &e))?;
    if requires_grad {
        tensor.set_requires_grad(true);
    }
    Ok(PyTensor(tensor))
}

/// The object behind foreign memory; letting go of it needs the interpreter.
struct Owner(Option<Py<PyAny>>);

impl Drop for Owner {
    /// PyTorch frees storages with the interpreter's lock let go, also below a call of ours that holds it: what the
    /// bindings believe of this thread does not count here, so Python itself is asked.
    fn drop(&mut self) {
        let Some(owner) = self.0.take() else {
            return;
        };
        // SAFETY: the reference is given up once, with the lock held; behind the interpreter's end it is left alone.
        unsafe {
            let owner = owner.into_ptr();
            if ffi::Py_IsInitialized() != 0 {
                let state = ffi::PyGILState_Ensure();
                ffi::Py_DecRef(owner);
                ffi::PyGILState_Release(state);
            }
        }
    }
}

/// A tensor from numbers in row-major order.
#[pyfunction]
fn tensor_from_numbers(
    py: Python<'_>,
    values: Vec<Bound<'_, PyAny>>,
    sizes: Vec<i64>,
    dtype: i64,
) -> PyResult<PyTensor> {
    let Some(dtype) = DType::from_code(dtype) else {
        return Err(PyTypeError::new_err(format!("no dtype has the number {dtype}")));
    };
    let fail = |e: flambeau_tensor::Error| error::operator(py, &e);
    let scalars = values
        .iter()
        .map(|v| {
            let value = crate::value::to_ivalue(v, &mut crate::value::Seen::default())?;
            value
                .as_scalar()
                .ok_or_else(|| PyTypeError::new_err("expected numbers"))
        })
        .collect::<PyResult<Vec<Scalar>>>()?;
    Ok(PyTensor(
        Tensor::from_scalars(&scalars, &sizes, dtype).map_err(fail)?,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyTensor>()?;
    m.add_function(wrap_pyfunction!(tensor_from_pointer, m)?)?;
    m.add_function(wrap_pyfunction!(tensor_from_numbers, m)?)
}
