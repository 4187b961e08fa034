"""What an operator does to a deployed environment, wherever it is deployed."""
