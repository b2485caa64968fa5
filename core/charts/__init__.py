"""Data to rows, and one cached Vega-Lite specification per kind of chart."""
