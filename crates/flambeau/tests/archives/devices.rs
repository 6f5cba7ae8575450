//! Tensors and constants of devices that are not here go to the CPU.

use flambeau::{DType, Device, IValue, LoadOptions, Module};

use super::{check, fixture, floats, load};

#[test]
fn an_archive_of_another_device() {
    for name in [
        "devices_cuda.pt",
        "devices_cuda_1.pt",
        "devices_mps.pt",
        "devices_xpu.pt",
    ] {
        let module = load(name);
        let saved_on = module.storage_devices();
        assert!(matches!(&*saved_on, [only] if only != "cpu"), "{saved_on:?}");
        let x = floats(&[1.0, 2.0, 3.0], &[3]);
        check(
            &module.forward(std::slice::from_ref(&x)).unwrap(),
            DType::Float,
            &[31.0, 41.0],
        );
        let places = module.call("places", &[x], &[]).unwrap();
        let cpu = || IValue::str("cpu");
        let expected = IValue::tuple(vec![cpu(), cpu(), cpu(), true.into(), false.into()]);
        assert_eq!(places, expected, "{name}");
        check(
            &module.call("traced_like", &[3i64.into()], &[]).unwrap(),
            DType::Long,
            &[0.0, 1.0, 2.0],
        );
        // A view that was saved stays a view of the same storage.
        let inner = &module
            .named_modules()
            .into_iter()
            .find(|(n, _)| n == "inner")
            .unwrap()
            .1;
        let (table, row) = (inner.attribute("table").unwrap(), inner.attribute("row").unwrap());
        let (table, row) = (table.as_tensor().unwrap(), row.as_tensor().unwrap());
        assert_eq!((row.storage_offset(), row.sizes()), (3, &[3i64][..]));
        assert!(std::sync::Arc::ptr_eq(row.storage(), table.storage()));
    }
}

#[test]
fn only_the_cpu_can_be_asked_for() {
    let options = LoadOptions {
        map_location: Device::parse("cuda:0").unwrap(),
        ..LoadOptions::default()
    };
    let error = Module::load_with(fixture("devices_cuda.pt"), &options).unwrap_err();
    assert!(
        error
            .message()
            .contains("`map_location`: expected `cpu`, found `cuda:0`"),
        "{error}"
    );
}
