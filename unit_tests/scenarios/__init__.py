"""What a user sees in situations that a design of the connector once got wrong."""
