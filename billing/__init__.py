"""Plans, wallets, the ledger, and the payment provider behind them."""
