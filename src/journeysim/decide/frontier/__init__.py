"""Goals that are not money: what one more converted customer, or one more NPS point, costs, and what is worth its price."""
