"""Orders from above (指令): down the tree of units, with receipts and a reminder of those that are overdue."""
