{#- Which versions of which tasks there are. A view, as stg_asana__task alone reads it; of the streams it reads no
    more than it needs. -#}
{{ config(materialized='view') }}
{{ asana_airbyte.newest(['tasks', 'subtasks'], {
  'task_id': 'text'
}, key=['task_id'], renamed={'task_id': 'gid'}) }}
