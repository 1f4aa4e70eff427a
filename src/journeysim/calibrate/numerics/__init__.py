"""Tools of fitting that know no journey: addressed draws, peaks, weighted Student draws, and PyMC behind one door."""
