# One image for every part: `web`, `worker`, `beat` and `migrate` (see docker/entrypoint).
FROM python:3.11-slim AS dependencies
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_CONSTRAINT=constraints.txt PIP_NO_CACHE_DIR=1
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN pip install .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home site && install -d -o site /data
WORKDIR /app
COPY --from=dependencies /venv /venv
COPY . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data STATIC_ROOT=/app/staticfiles CHECKPOINTS_DIR=/checkpoints
RUN pybabel compile --directory locale --domain django \
    && python manage.py collectstatic --no-input
USER site
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["docker/entrypoint"]
CMD ["web"]
