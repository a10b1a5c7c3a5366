{#- A view, as asana__audit_log_event alone reads it. -#}
{{ config(materialized='view') }}
select
  gid as audit_log_event_id,
  workspace_id,
  created_at,
  event_category,
  event_type,
  {{ asana_airbyte.json_text('actor', 'gid') }} as actor_id,
  {{ asana_airbyte.json_text('actor', 'actor_type') }} as actor_type,
  {{ asana_airbyte.json_text('actor', 'name') }} as actor_name,
  {{ asana_airbyte.json_text('actor', 'email') }} as actor_email,
  {{ asana_airbyte.json_text('target', 'gid') }} as resource_id,
  {{ asana_airbyte.json_text('target', 'resource_type') }} as resource_type,
  {{ asana_airbyte.json_text('target', 'name') }} as resource_name,
  {{ asana_airbyte.json_text('context', 'context_type') }} as context_type,
  {{ asana_airbyte.json_text('context', 'client_ip_address') }} as client_ip_address,
  {{ asana_airbyte.json_text('context', 'user_agent') }} as user_agent,
  {{ asana_airbyte.json_text('context', 'oauth_app_name') }} as oauth_app_name,
  {{ asana_airbyte.json_text('details', 'old_value') }} as old_value,
  {{ asana_airbyte.json_text('details', 'new_value') }} as new_value,
  synced_at,
  extracted_at
from {{ ref('stg_asana__audit_log_event') }}
