"""How close relaxed samples come to the vertices of the simplex."""
