-- How tokens for a tool server are got by client credentials; null where none are. The client's secret is in the vault.
alter table mcp_server add column oauth jsonb;
