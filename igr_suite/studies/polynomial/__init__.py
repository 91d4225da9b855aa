"""Polynomial programming: many binary variables with a separable objective, on which biased estimators come to rest at
wrong places."""
