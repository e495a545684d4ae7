"""What users write: checks of arguments, forms of codes, and text."""
