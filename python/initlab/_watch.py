"""Every layer's statistics for a PyTorch module, forwards and backwards: the rows and charts of a run of initlab's own."""

from __future__ import annotations

import itertools
import math
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional

from initlab import _initlab
from initlab._charts import Charts, framed
from initlab._errors import UsageError
from initlab._modules import activations, is_norm, layers, needed, parameters, unit_dimension
from initlab._records import PathLike
from initlab._tables import Table, frame

if TYPE_CHECKING:
    import torch

_numbers = itertools.count()
EVERYWHERE = (-math.inf, math.inf)


class Watch:
    """Watches a module's layers from its making until it is closed, as at the end of a ``with`` block.

    A step is a forward pass in training mode and the backward pass behind it; other passes are not looked at. A layer is a linear
    layer or a convolution; its pre-activation is what its activation gets, behind a norm if there is one, and its activation what comes
    out. Activations are found wherever the forward pass calls them, as modules or as functions.
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        *,
        every: int = 1,
        histogram_every: int = 20,
        bins: int = 70,
        range: tuple[float, float] = (-7.0, 7.0),
        near_zero: float = 0.05,
        gradient_near_zero: float = 1e-8,
    ) -> None:
        torch = needed(module)
        if every < 1 or histogram_every < 0:
            raise UsageError(f"every = {every}, histogram_every = {histogram_every}: expected at least 1 and 0")
        self._torch = torch
        self._module = module
        self._every, self._histogram_every = every, histogram_every
        self._near = {"before": near_zero, "after": near_zero, "gradient": gradient_near_zero}
        self._recorder = _initlab.Recorder(near_zero, gradient_near_zero, bins, [float(end) for end in range])
        self._mark = f"_initlab{next(_numbers)}"
        self._ends: dict[str, tuple[float, float]] = {"identity": EVERYWHERE}
        self._dimensions: dict[str, Any] = {}
        self._step = 0
        self._recorded = 0
        # This step: is it recorded, and did its backward pass begin? This pass: is it looked at?
        self._recording = self._returned = self._sees = self._looks = self._paused = False
        self._histogram = self._higher = False
        # As in a run, the kurtosis is taken at the first recorded step in every 16 or more.
        self._higher_every = every * math.ceil(16 / every)
        self._only: Optional[str] = None
        self._pending: dict[str, Any] = {}
        self._copies: dict[str, tuple[Any, Any]] = {}
        # Sums on a device that are still to be fetched.
        self._fetches: list[tuple[str, str, int, int, Any, Any]] = []
        self._mode = _mode(self)
        self._inside = 0
        self._handles: list[Any] = []
        self._listen()

    # Hooks.

    def _listen(self) -> None:
        found = parameters(self._module)
        keep = self._handles.append
        for name, layer in layers(self._module):
            self._dimensions[name] = layer
            keep(layer.register_forward_hook(partial(self._layer_gives, name)))
        for part in self._module.modules():
            if is_norm(part):
                keep(part.register_forward_hook(self._norm_gives))
        keep(self._module.register_forward_pre_hook(self._begins))
        keep(self._module.register_forward_hook(self._ends_forward, always_call=True))
        for parameter in found:
            if parameter.tensor.dim() > 1 and parameter.tensor.requires_grad:
                name = parameter.name[: -len(".weight")] if parameter.name.endswith(".weight") else parameter.name
                if parameter.owner is self._module and name == "weight":
                    name = type(self._module).__name__.lower()
                weight: Any = parameter.tensor
                keep(weight.register_post_accumulate_grad_hook(partial(self._weight_returns, name)))

    def _begins(self, module: Any, args: Any) -> None:
        self._inside += 1
        if self._inside > 1:
            return
        self._sees = self._looks
        if not self._looks and module.training and self._torch.is_grad_enabled() and not self._paused:
            self._next_step()
            self._sees = self._recording
        self._pending = {}
        if self._sees:
            self._mode.__enter__()

    def _next_step(self) -> None:
        if self._returned:
            self._finish()
        else:
            # A forward pass that nothing came back from is no step.
            self._recorder.forget()
            self._fetches.clear()
        self._recording = self._step % self._every == 0
        due = self._histogram_every > 0 and self._recorded % self._histogram_every == 0
        self._histogram = self._recording and due
        self._higher = self._recording and self._step % self._higher_every == 0

    def _ends_forward(self, module: Any, args: Any, output: Any) -> None:
        self._inside = max(self._inside - 1, 0)
        if self._inside > 0 or not self._sees:
            return
        self._sees = False
        self._mode.__exit__(None, None, None)
        for name, z in list(self._pending.items()):
            self._settle(name, z)
        self._pending = {}

    def _layer_gives(self, name: str, module: Any, args: Any, output: Any) -> None:
        if self._sees:
            if name in self._pending:
                # A layer that is passed twice without an activation in between.
                with self._torch._C.DisableTorchFunction():
                    self._settle(name, self._pending[name])
            setattr(output, self._mark, name)
            self._pending[name] = output

    def _norm_gives(self, module: Any, args: Any, output: Any) -> None:
        name = getattr(args[0], self._mark, None) if args else None
        if self._sees and name in self._pending:
            setattr(output, self._mark, name)
            self._pending[name] = output

    def _calls(self, spec: Any, function: Any, args: Any, kwargs: Any) -> Any:
        """A call in the forward pass: an activation of a layer's output is one of its two sides."""
        x = args[0] if args else kwargs.get("input")
        name = getattr(x, self._mark, None)
        if name is None or self._pending.get(name) is not x:
            return function(*args, **kwargs)
        text = spec(*args, **kwargs) if spec is not None else None
        if text is None:
            # The values of a layer's output change where they lie: it is looked at before.
            self._settle(name, self._pending.pop(name))
            return function(*args, **kwargs)
        del self._pending[name]
        self._see("before", name, x, self._ends_of(text))
        h = function(*args, **kwargs)
        if h is x:
            delattr(x, self._mark)
        self._see("after", name, h, None)
        self._hear(name, h)
        return h

    def _settle(self, name: str, z: Any) -> None:
        """A layer whose activation is the identity, or one that nobody knows."""
        self._see("before", name, z, EVERYWHERE)
        self._see("after", name, z, None)
        self._hear(name, z)

    def _hear(self, name: str, h: Any) -> None:
        if self._recording and not self._looks and h.requires_grad:
            h.register_hook(partial(self._gradient_returns, name))

    def _gradient_returns(self, name: str, gradient: Any) -> None:
        if self._recording and self._handles:
            self._returned = True
            self._see("gradient", name, gradient, None)

    def _weight_returns(self, name: str, weight: Any) -> None:
        if not self._handles or self._paused:
            return
        self._returned = True
        if self._recording:
            self._recorder.weight(name, self._norm(weight), self._norm(weight.grad))
            self._copies[name] = (weight, weight.detach().clone())

    # Numbers.

    def _ends_of(self, text: str) -> tuple[float, float]:
        if text not in self._ends:
            self._ends[text] = _initlab.live_ends(text)
        return self._ends[text]

    def _see(self, side: str, name: str, tensor: Any, ends: Optional[tuple[float, float]]) -> None:
        if self._only is not None and name != self._only:
            return
        torch = self._torch
        tensor = tensor.detach()
        shape = tensor.shape
        dimension = unit_dimension(self._dimensions[name], len(shape))
        units, inner = shape[dimension], math.prod(shape[dimension + 1 :])
        if tensor.device.type != "cpu":
            self._fetch_later(side, name, tensor, dimension, ends)
            return
        if tensor.dtype is not torch.float32:
            tensor = tensor.float()
        if not tensor.is_contiguous():
            tensor = tensor.contiguous()
        memory = (tensor.data_ptr(), tensor.numel(), units, inner)
        if side == "before":
            self._recorder.before(name, memory, ends, self._higher)
        elif side == "after":
            self._recorder.after(name, memory, False, self._histogram)
        else:
            self._recorder.gradient(name, memory)

    def _fetch_later(self, side: str, name: str, tensor: Any, dimension: int, ends: Any) -> None:
        """Sums on the tensor's own device; few numbers leave it, once a step."""
        torch = self._torch
        values = tensor.float()
        wide = values.double()
        low, high = torch.aminmax(values)
        parts = [wide.sum(), wide.square().sum(), low.double(), high.double(), (values.abs() < self._near[side]).sum().double()]
        alive = None
        if ends is not None:
            others = [i for i in range(values.dim()) if i != dimension]
            alive = ((values > ends[0]) & (values < ends[1])).sum(dim=others) > 0 if others else None
        self._fetches.append((side, name, values.shape[dimension], values.numel(), torch.stack(parts), alive))

    def _fetch(self) -> None:
        for side, name, units, n, sums, alive in self._fetches:
            total, squares, low, high, near = sums.tolist()
            marks = None if alive is None else alive.tolist()
            self._recorder.taken(side, name, units, (n, total, squares, low, high, int(near)), marks)
        self._fetches.clear()

    def _norm(self, tensor: Any) -> float:
        tensor = tensor.detach()
        if tensor.is_sparse:
            tensor = tensor.coalesce().values()
        if tensor.device.type != "cpu" or tensor.dtype is not self._torch.float32:
            return float(tensor.double().norm())
        if not tensor.is_contiguous():
            tensor = tensor.contiguous()
        return math.sqrt(_initlab.square_sum(tensor.data_ptr(), tensor.numel()))

    def _moved(self, weight: Any, before: Any) -> float:
        now = weight.detach()
        if now.device.type != "cpu" or now.dtype is not self._torch.float32:
            return float((now.double() - before.double()).norm())
        now, before = now.contiguous(), before.contiguous()
        return math.sqrt(_initlab.square_sum(now.data_ptr(), now.numel(), before.data_ptr()))

    def _finish(self) -> None:
        """Ends the step whose backward pass is over; the optimiser has moved the weights since."""
        if not self._returned:
            return
        self._returned = False
        if self._recording:
            self._fetch()
            for name, (weight, before) in self._copies.items():
                self._recorder.moved(name, self._moved(weight, before))
            self._copies.clear()
            self._recorder.end(self._step)
            self._recorded += 1
        self._step += 1

    # For users.

    @property
    def layers(self) -> Table:
        """Every row so far, by the columns of ``layers.csv``."""
        self._finish()
        return frame(self._recorder.columns())

    @property
    def warnings(self) -> list[str]:
        """A sentence for each layer in which values are not finite."""
        self._finish()
        return list(self._recorder.warnings())

    def report(self, path: Optional[PathLike] = None, title: str = "PyTorch module") -> str:
        """All layers over all steps as one HTML page with charts; written to ``path`` if that is given."""
        page = self._page(title if path is None else Path(path).stem)[0]
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def plot(self, *words: str) -> Charts:
        """The report's charts; with words only those whose titles have one of them."""
        charts = self._page("PyTorch module")[1]
        wanted = [word.lower() for word in words]
        return Charts([c for c in charts if not wanted or any(word in c[0].lower() for word in wanted)])

    def write_csv(self, path: PathLike) -> None:
        """Writes all rows as a ``layers.csv``."""
        self._finish()
        self._recorder.write_csv(path)

    def write_tensorboard(self, directory: PathLike) -> Path:
        """Writes TensorBoard's event file with all rows into a directory; gives its path."""
        self._finish()
        return Path(self._recorder.write_tensorboard(directory))

    def _page(self, title: str) -> tuple[str, list[tuple[str, str]]]:
        self._finish()
        page: Optional[tuple[str, list[tuple[str, str]]]] = self._recorder.page(title)
        if page is None:
            raise UsageError("nothing was watched yet: train the module for a step, forwards and backwards")
        return page

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Does not look at what happens within."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def look(self, *inputs: Any, only: Optional[str] = None) -> list[tuple[str, dict[str, Optional[float]]]]:
        """Sends a batch through the module without gradients, apart from the steps; gives each layer's statistics by its name."""
        self._finish()
        self._recorder.forget()
        self._looks, self._only = True, only
        kept, self._histogram, self._higher = (self._histogram, self._higher), False, False
        try:
            with self._torch.no_grad():
                self._module(*inputs)
            self._fetch()
            return list(self._recorder.look())
        finally:
            self._looks, self._only = False, None
            self._histogram, self._higher = kept
            self._recorder.forget()

    def close(self) -> None:
        """Takes every hook away; what was seen stays."""
        self._finish()
        handles, self._handles = self._handles, []
        for handle in handles:
            handle.remove()
        self._copies.clear()
        self._pending = {}

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        self._finish()
        return self._recorder.table() or "nothing was watched yet"

    def __repr__(self) -> str:
        return f"<initlab.Watch of {type(self._module).__name__}: {self._recorded} steps>"

    def _repr_html_(self) -> Optional[str]:
        self._finish()
        page = self._recorder.page("PyTorch module")
        return None if page is None else framed(page[0])


def watch(
    module: "torch.nn.Module",
    *,
    every: int = 1,
    histogram_every: int = 20,
    bins: int = 70,
    range: tuple[float, float] = (-7.0, 7.0),
    near_zero: float = 0.05,
    gradient_near_zero: float = 1e-8,
) -> Watch:
    """Watches a PyTorch module while it trains: activations, gradients and weights of every layer.

    Every ``every``-th step is recorded; in every ``histogram_every``-th of these a histogram of the activations (``bins`` over
    ``range``); the kurtosis of the pre-activations as in a run, in every sixteenth.

    >>> import initlab
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with initlab.watch(model) as w:
    ...     for _ in range(3):
    ...         loss = model(torch.ones(5, 4)).square().mean()
    ...         sgd.zero_grad()
    ...         loss.backward()
    ...         sgd.step()
    >>> list(w.layers["layer"]), [int(step) for step in w.layers["step"]]
    (['0', '2', '0', '2', '0', '2'], [0, 0, 1, 1, 2, 2])
    >>> bool((w.layers["update_ratio"] > 0).all())
    True
    """
    return Watch(
        module,
        every=every,
        histogram_every=histogram_every,
        bins=bins,
        range=range,
        near_zero=near_zero,
        gradient_near_zero=gradient_near_zero,
    )


def _mode(watch: Watch) -> Any:
    """What sees every call of PyTorch's functions in a forward pass."""
    from torch.overrides import TorchFunctionMode

    known = activations()
    Base: Any = TorchFunctionMode

    class Calls(Base):  # type: ignore[misc]
        def __torch_function__(
            self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Optional[dict[str, Any]] = None
        ) -> Any:
            spec = known.get(function)
            if spec is not None or _in_place(function):
                return watch._calls(spec, function, args, kwargs or {})
            return function(*args, **kwargs) if kwargs else function(*args)

    return Calls()


def _in_place(function: Callable[..., Any]) -> bool:
    name: str = getattr(function, "__name__", "")
    return (name[-1:] == "_" and name[-2:] != "__") or name[:3] == "__i"
