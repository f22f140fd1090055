# One image for Airflow, Spark and MLflow, so that their Python, their packages and their jars cannot differ.
# The slim variant of the official image: all packages come from requirements.txt, nothing else is preinstalled to disagree with it.
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.11
FROM ${AIRFLOW_IMAGE}

ENV LANDFALL_PROJECT=/opt/landfall \
    LANDFALL_CACHE=/opt/landfall/cache
USER root
RUN install --directory --owner airflow --group 0 --mode 0775 /opt/landfall
USER airflow
WORKDIR /opt/landfall

COPY --chown=airflow:0 requirements.txt ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.txt && pip check

COPY --chown=airflow:0 pyproject.toml README.md LICENSE ./
COPY --chown=airflow:0 include include
COPY --chown=airflow:0 spark_jobs spark_jobs
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

COPY --chown=airflow:0 docker/prepare_image.py docker/prepare_image.py
RUN python docker/prepare_image.py

COPY --chown=airflow:0 docker docker
COPY --chown=airflow:0 dags dags
COPY --chown=airflow:0 plugins plugins
# A new volume takes over the owner of the folder it covers.
RUN mkdir -p state/data/airflow state/data/mlflow state/data/spark/warehouse state/data/spark/local
