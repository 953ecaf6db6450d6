"""The command line: the only place that prints or knows a flag."""

import gc

# imports make hundreds of thousands of objects that stay: searching them for garbage takes a tenth of the start
gc.set_threshold(50_000, 20, 20)
