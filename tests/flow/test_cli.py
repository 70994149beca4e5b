def test_try(run_cli, tmp_path):
    (tmp_path / "x.csv").write_text("Id,ChannelType,Address\na,EMAIL,a@example.com\n")
    got = run_cli("run", "x.csv", "--local")
    assert got.code == 0, got
def test_try2(run_cli_alone, tmp_path):
    (tmp_path / "x.csv").write_text("Id,ChannelType,Address\na,EMAIL,a@example.com\n")
    got = run_cli_alone("run", "x.csv", "--local")
    assert got.code == 0, got
def test_try3(prefect_api, tmp_path, local_server):
    (tmp_path / "x.csv").write_text("Id,ChannelType,Address\na,EMAIL,a@example.com\n")
    from pipelines.flows import import_endpoints
    from pipelines.settings import ImportSettings
    got = import_endpoints(ImportSettings(sources=[str(tmp_path/"x.csv")], local=True, endpoint_url=local_server.url, runs_dir=tmp_path/"runs"))
    assert got["accepted"] == 1
