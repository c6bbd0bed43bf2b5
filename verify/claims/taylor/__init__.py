"""T: Taylor terms of the network and their remainder."""
