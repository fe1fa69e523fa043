"""What a shopper changes about a subscription: leaving and staying, skipping, another plan, another price."""
