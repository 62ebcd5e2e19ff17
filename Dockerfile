FROM python:3.12-slim
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY brain brain
COPY ontology ontology
COPY ingest ingest
COPY api api
RUN pip install --no-cache-dir --no-deps . && useradd --create-home brain
USER brain
ENTRYPOINT ["brain"]
CMD ["--help"]
