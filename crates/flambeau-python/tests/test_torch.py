"""With PyTorch: tensors and modules go in, tensors come out, archives go both ways."""

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
