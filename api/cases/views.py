"""What leaves the service about a case: one shape, masked for whoever looks."""
