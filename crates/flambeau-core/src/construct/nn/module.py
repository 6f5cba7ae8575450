# `torch.nn.Module` itself is native; this gives it its qualified name.
