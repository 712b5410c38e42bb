"""hardpan and its peers on one machine: the parts of `benches/run`."""
