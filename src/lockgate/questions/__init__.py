"""What production should be asked before the pending migrations run: how many of its rows would break them."""
