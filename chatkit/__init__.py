"""chatkit: see how a language model's words arrive.

``import chatkit as ck``. Names resolve on first use, so that importing costs neither pandas nor matplotlib.
"""

__version__ = "0.1.0"
