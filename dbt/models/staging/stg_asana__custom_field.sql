{{ asana_airbyte.staged('custom_fields', {
  'gid': 'text',
  'workspace_id': 'text',
  'name': 'text',
  'description': 'text',
  'resource_subtype': 'text',
  'type': 'text',
  'precision_digits': 'integer',
  'format': 'text',
  'currency_code': 'text',
  'is_global_to_workspace': 'boolean',
  'is_formula_field': 'boolean',
  'privacy_setting': 'text',
  'enum_options': 'json',
  'created_by': 'json'
}, renamed={'precision_digits': 'precision'}) }}
