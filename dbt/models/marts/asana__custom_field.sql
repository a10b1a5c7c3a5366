select
  gid as custom_field_id,
  workspace_id,
  name,
  description,
  coalesce(resource_subtype, type) as custom_field_type,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  is_global_to_workspace,
  is_formula_field,
  privacy_setting,
  precision_digits,
  format,
  currency_code,
  synced_at
from {{ ref('stg_asana__custom_field') }}
