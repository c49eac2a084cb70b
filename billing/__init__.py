"""What you may spend: plans, wallets, the ledger, and the payment provider behind them."""
