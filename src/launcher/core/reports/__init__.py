"""What a check found, in the forms that other tools read. Pure: a value in, a text out."""
