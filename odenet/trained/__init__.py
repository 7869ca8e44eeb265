"""What is done with a spec and its trained weights together."""
