# The service in one image: `web` (the default), `scheduler` and `migrate` are words behind it.
#
#   docker build --tag cashless .
#   docker build --tag cashless-practice --build-arg REQUIREMENTS=sandbox .   with the practice bank
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG REQUIREMENTS=run
WORKDIR /source
COPY requirements requirements
RUN python -m venv /tools \
    && /tools/bin/python -m pip install --no-cache-dir --require-hashes -r requirements/install.txt \
    && python -m venv --without-pip /opt/cashless \
    && /tools/bin/uv pip install --python /opt/cashless --no-cache --require-hashes \
        -r requirements/${REQUIREMENTS}.txt
# Two languages are spoken here; Babel brings a thousand.
RUN find /opt/cashless/lib/python3*/site-packages/babel/locale-data -name "*.dat" \
        ! -name "root.dat" ! -name "en*.dat" ! -name "vi*.dat" -delete
COPY . .
RUN /tools/bin/python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheel . \
    && /tools/bin/uv pip install --python /opt/cashless --no-cache --no-deps /wheel/*.whl \
    && /opt/cashless/bin/python -m compileall -q /opt/cashless/lib

FROM python:${PYTHON}
RUN useradd --uid 10001 --create-home --home-dir /srv/cashless --shell /usr/sbin/nologin cashless
COPY --from=build /opt/cashless /opt/cashless
ENV PATH=/opt/cashless/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /srv/cashless
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["cashless"]
CMD ["web", "--host", "0.0.0.0"]
