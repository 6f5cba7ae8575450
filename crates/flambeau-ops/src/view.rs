//! Views: tensors that share the storage of their input.

use flambeau_ir::ops::Rows;
use flambeau_tensor::Tensor;

pub fn declare(ops: &mut Rows) {
    ops.op("aten::t(Tensor(a) self) -> Tensor(a)")
        .doc("Transposes a matrix; a vector or a scalar is returned as it is.")
        .kernel(|x: Tensor| x.t())
        .example("t(torch.tensor([[1, 2], [3, 4]]))", "[[1, 3], [2, 4]]");
}
