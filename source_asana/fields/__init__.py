"""What is asked for and what is sent: schemas, `opt_fields`, columns filled from others, scopes."""
