"""A block that mimics tissue, with cysts, spheres, wires and tubes at known places."""
