"""journeysim: what a change to a customer journey would bring, simulated beside today, with honest ranges."""
