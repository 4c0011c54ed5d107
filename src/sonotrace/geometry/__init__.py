"""Mathematics of poses, grids and sectors."""
