"""With PyTorch: tensors and modules go in, tensors come out, archives go both ways."""

import re
import io

import pytest

torch = pytest.importorskip("torch")

import flambeau  # noqa: E402
from flambeau import jit  # noqa: E402


class Block(torch.nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.inner = torch.nn.Linear(width, width)
        self.register_buffer("count", torch.zeros(1))
        self.scale = 2.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count.add_(1)
        return torch.relu(self.inner(x)) * self.scale + x

    @torch.jit.export
    def calls(self) -> int:
        return int(self.count.item())


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Block(4), Block(4)])
        self.head = torch.nn.Sequential(torch.nn.LayerNorm(4), torch.nn.GELU(), torch.nn.Linear(4, 2))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x).softmax(-1)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().eval()


def test_a_module_gives_eager_results_and_shares_its_parameters(net):
    scripted = jit.script(net)
    x = torch.randn(3, 4)
    with torch.no_grad():
        assert torch.allclose(scripted(x), net(x), 1e-5, 1e-6)
        net.head[2].weight.zero_()
        assert torch.allclose(scripted(x), net(x), 1e-5, 1e-6)
    assert isinstance(scripted, torch.nn.Module) and isinstance(scripted(x), torch.Tensor)
    assert [n for n, _ in scripted.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert scripted.blocks[0].calls() >= 2
    assert scripted.blocks[0]._flambeau_object.type_ == scripted.blocks[1]._flambeau_object.type_


def test_archives_go_to_pytorch_and_come_back(net, tmp_path):
    x = torch.randn(3, 4)
    path = tmp_path / "net.pt"
    jit.script(net).save(path)
    with torch.no_grad():
        expected = net(x)
        assert torch.allclose(torch.jit.load(path)(x), expected, 1e-5, 1e-6)
    torch.jit.script(net).save(tmp_path / "theirs.pt")
    assert torch.allclose(jit.load(tmp_path / "theirs.pt")(x), expected, 1e-5, 1e-6)
    buffer = io.BytesIO(jit.script(net).save_to_buffer())
    assert torch.allclose(torch.jit.load(buffer)(x), expected, 1e-5, 1e-6)


def test_states(net):
    scripted, other = jit.script(net), jit.script(Net())
    keys = other.load_state_dict(net.state_dict())
    assert not keys.missing_keys and not keys.unexpected_keys
    x = torch.randn(2, 4)
    assert torch.equal(scripted(x), other(x))
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict"):
        other.load_state_dict({})
    assert scripted.train().training and not scripted.eval().training


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).reshape(2, 3).t(),
        torch.randn(4, 4)[1:, ::2],
        torch.tensor(True),
        torch.zeros(0, 3),
        torch.tensor([1 + 2j]),
        torch.randn(3).to(torch.bfloat16),
        torch.ones(1).expand(3),
    ],
)
def test_tensors_are_exchanged_without_copies(tensor):
    ours = flambeau.as_tensor(tensor)
    assert ours.shape == tuple(tensor.shape) and ours.stride() == tensor.stride()
    back = ours.torch()
    assert back.dtype == tensor.dtype and torch.equal(back, tensor)
    if tensor.numel():
        assert back.data_ptr() == tensor.data_ptr()
    assert repr(ours) == repr(tensor).replace("torch.", "flambeau.")


def shown():
    torch.manual_seed(0)
    nan, inf = float("nan"), float("inf")
    t = torch.tensor
    return [
        t(3.5), t(7), t(True), t([1, 2, 3]), t([True, False]), t([1.0, 2.0]), t([1.0, 2.0, 300000.0]), t([1e10, 1.0]),
        t([1e-8, 2.0]), t([nan, 1.0]), t([inf, -1.5]), t([-0.0, 0.0]), t([[1e5, 1.5]]), t([1 + 2j, 3.5 - 1j]),
        t([1e3, 1e-1, inf]).double(), t([1, 2], dtype=torch.uint8), t([[-1, 20], [300, 4]]), torch.zeros(0),
        torch.zeros(2, 0), torch.zeros(0, dtype=torch.int32), torch.zeros(3, 0, 2, dtype=torch.bool),
        torch.arange(2000), torch.arange(1001.0), torch.arange(40), torch.randn(50), torch.randn(30, 40),
        torch.randn(1, 1200), torch.randn(20, 20, 20), torch.randn(2, 2, 2), torch.randn(2, 3) * 1000,
        torch.randn(3, 3, dtype=torch.complex64) * 1e6, torch.randn(3).half(), torch.randn(3).bfloat16(),
        torch.randn(3, requires_grad=True), torch.randn(4)[::2], torch.ones(3, 1, 2, 2),
    ]  # fmt: skip


def test_tensors_print_as_pytorchs_do():
    for tensor in shown():
        assert repr(flambeau.as_tensor(tensor)).replace("flambeau.", "torch.") == repr(tensor)


def norms(x):
    return torch.norm(x), torch.norm(x, 2.0, 1), torch.norm(x, dim=[0, 1]), torch.tensordot(x, x, dims=1)


def without_places(graph):
    # Warnings are numbered through the process.
    return re.sub(r" # .*|___torch_mangle_\d+\.|warn_id=\d+", "", str(graph))


@pytest.mark.parametrize(
    "make",
    [
        lambda: norms, lambda: torch.nn.ReLU(), lambda: torch.nn.Softmax(1), lambda: torch.nn.BatchNorm2d(3),
        lambda: torch.nn.Dropout(), lambda: torch.nn.CrossEntropyLoss(), lambda: torch.nn.MultiheadAttention(8, 2),
        lambda: torch.nn.MultiheadAttention(8, 2, batch_first=True).eval(), lambda: torch.nn.GroupNorm(2, 4),
    ],
)  # fmt: skip
def test_printed_forms_are_pytorchs(make):
    theirs, ours = torch.jit.script(make()), flambeau.jit.script(make())
    assert without_places(ours.code) == without_places(theirs.code)
    assert without_places(ours.graph) == without_places(theirs.graph)
    # How PyTorch simplifies what it inlines is followed as far as peephole.rs goes.
    if make() is not norms:
        assert without_places(ours.inlined_graph) == without_places(theirs.inlined_graph)
