"""Weight initialisation: how networks start, what every layer shows, and which start trains sooner.

The module is a door to initlab's engine, which is written in Rust. NumPy is needed; pandas, tqdm and PyTorch are used where they
are there.

>>> import initlab
>>> initlab.theory("tanh").activation
'tanh'
"""

from initlab._charts import Charts
from initlab._engine import RateTest, compare, lr_find, probe, train
from initlab._errors import ConfigError, DataError, Error, InternalError, RecordError, UsageError
from initlab._init import Started, init_
from initlab._initlab import __version__
from initlab._lsuv import lsuv_
from initlab._records import Probe, Run, Study, read
from initlab._sample import sample
from initlab._theory import Theory, theory
from initlab._watch import Watch, watch

__all__ = [
    "Charts",
    "ConfigError",
    "DataError",
    "Error",
    "InternalError",
    "Probe",
    "RateTest",
    "RecordError",
    "Run",
    "Started",
    "Study",
    "Theory",
    "UsageError",
    "Watch",
    "__version__",
    "compare",
    "init_",
    "lr_find",
    "lsuv_",
    "probe",
    "read",
    "sample",
    "theory",
    "train",
    "watch",
]
