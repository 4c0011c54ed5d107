"""Image formation: from scatterers and surfaces in the slice to the grey levels of a picture."""
