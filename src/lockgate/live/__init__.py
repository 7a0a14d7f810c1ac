"""The oracle: a real PostgreSQL applies the migrations, statement by statement, as the roles that production has.

``verify`` is the entry; its values live in ``lockgate.live.plan``. The oracle never knows a prediction.
"""
